import { useChange, useRead } from "@espace-citoyens/kit/door.tsx";
import { isWhole } from "@espace-citoyens/kit/form/AddressInput.tsx";
import { answersOf, contactOf, isKeepable } from "@espace-citoyens/kit/form/contact.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import {
  type AnswerValue,
  RequestDraft,
  type RequestDraftQuery,
  UpdateRequest,
} from "@espace-citoyens/kit/operations.ts";
import type { FieldProblem, Problem } from "@espace-citoyens/kit/outcome.ts";
import { useCallback, useEffect, useRef, useState } from "react";

const PAUSE_MILLISECONDS = 1200;
const RETRY_MILLISECONDS = 3000;

const PREFERRED: Answers = { preferredContactMethod: { choices: ["EMAIL"] } };

export type Draft = NonNullable<RequestDraftQuery["request"]>;
export type Saving = "saved" | "saving" | "offline" | "waiting";

/**
 * A draft that is kept while it is filled in: what was typed goes to the server when typing pauses, again and again until the
 * network is back, and field by field, so that a mistake in one keeps nothing else from being saved.
 */
export function useDraft(id: string) {
  const read = useRead();
  const [update] = useChange(UpdateRequest, (data) => data.updateRequest);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [absent, setAbsent] = useState<Problem | "absent" | null>(null);
  const [answers, setAnswers] = useState<Answers>({});
  const [contact, setContact] = useState<Answers>({});
  const [rejected, setRejected] = useState<readonly FieldProblem[]>([]);
  const [saving, setSaving] = useState<Saving>("saved");
  const [reread, setReread] = useState(false);
  const pending = useRef(new Map<string, AnswerValue | undefined>());
  const contactPending = useRef(false);
  /** What the server has refused and nobody has corrected yet: it is on the page alone. */
  const refused = useRef(new Set<string>());
  const now = useRef({ answers, contact, version: 0 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const under = useRef<Promise<boolean> | null>(null);
  const again = useRef<() => void>(() => {});

  const load = useCallback(
    async (first: boolean) => {
      const { data, problem } = await read(RequestDraft, { request: id });
      if (problem) {
        if (first) setAbsent(problem);
        return;
      }
      const found = data.request;
      if (found === null || found === undefined) {
        setAbsent("absent");
        return;
      }
      setAbsent(null);
      setDraft(found);
      now.current.version = found.version;
      if (first) {
        now.current.answers = answersByField(found);
        // What is kept where nothing else is said: shown from the start.
        now.current.contact = { ...PREFERRED, ...answersOf(found.contact) };
        setAnswers(now.current.answers);
        setContact(now.current.contact);
      }
    },
    [read, id],
  );
  useEffect(() => {
    load(true);
    return () => clearTimeout(timer.current);
  }, [load]);

  const send = useCallback(async (): Promise<boolean> => {
    clearTimeout(timer.current);
    for (;;) {
      const taken = [...pending.current].filter(([, value]) => !value?.address || isWhole(value.address));
      const withContact = contactPending.current && isKeepable(now.current.contact);
      if (taken.length === 0 && !withContact) {
        const whole = pending.current.size === 0 && !contactPending.current && refused.current.size === 0;
        setSaving(whole ? "saved" : "waiting");
        return whole;
      }
      setSaving("saving");
      if (withContact) contactPending.current = false;
      const { success, problem, refusal } = await update({
        request: id,
        version: now.current.version,
        contact: withContact ? contactOf(now.current.contact) : undefined,
        answers: taken.map(([field, value]) => ({ field, value: value ?? null })),
      });
      if (success) {
        now.current.version = success.request.version;
        for (const [field, value] of taken)
          if (pending.current.get(field) === value) pending.current.delete(field);
        const sent = new Set(taken.map(([field]) => field));
        for (const key of withContact ? [...sent, "contact"] : sent) refused.current.delete(key);
        setRejected((before) =>
          before.filter(({ path }) => !sent.has(path) && !(withContact && path.startsWith("contact."))),
        );
        setDraft((before) => before && { ...before, ...success.request });
        continue;
      }
      if (withContact) contactPending.current = true;
      if (refusal?.__typename === "ConflictError") {
        now.current.version = refusal.currentVersion;
        setReread(true);
        continue;
      }
      if (refusal?.__typename === "ValidationError") {
        // What is wrong waits for its correction; the rest is sent again without it.
        const wrong = refusal.fields;
        setRejected((before) => [
          ...before.filter((each) => !wrong.some((other) => other.path === each.path)),
          ...wrong,
        ]);
        const keys = new Set(wrong.map(({ path }) => path.split(".")[0] ?? path));
        for (const key of keys) refused.current.add(key);
        if (keys.has("contact")) contactPending.current = false;
        const before = pending.current.size;
        for (const key of keys) pending.current.delete(key);
        if (pending.current.size < before || keys.has("contact")) continue;
        setSaving("waiting");
        return false;
      }
      if (
        problem?.code === "NETWORK" ||
        problem?.code === "UNAVAILABLE" ||
        problem?.code === "RATE_LIMITED"
      ) {
        setSaving("offline");
        timer.current = setTimeout(() => again.current(), RETRY_MILLISECONDS);
        return false;
      }
      if (problem) setAbsent(problem);
      setSaving("waiting");
      return false;
    }
  }, [id, update]);

  /** Sends what waits. True: the server has all of it. */
  const save = useCallback(async (): Promise<boolean> => {
    // One at a time: each takes the version that the one before gave.
    while (under.current) await under.current;
    under.current = send();
    try {
      return await under.current;
    } finally {
      under.current = null;
    }
  }, [send]);

  again.current = save;

  const later = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(save, PAUSE_MILLISECONDS);
    setSaving("saving");
  }, [save]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (pending.current.size > 0 || contactPending.current || refused.current.size > 0)
        event.preventDefault();
    };
    const back = () => save();
    addEventListener("beforeunload", warn);
    addEventListener("online", back);
    return () => {
      removeEventListener("beforeunload", warn);
      removeEventListener("online", back);
    };
  }, [save]);

  const answer = useCallback(
    (key: string, value: AnswerValue | undefined) => {
      pending.current.set(key, value);
      now.current.answers = { ...now.current.answers, [key]: value };
      setAnswers(now.current.answers);
      later();
    },
    [later],
  );
  const answerContact = useCallback(
    (key: string, value: AnswerValue | undefined) => {
      contactPending.current = true;
      now.current.contact = { ...now.current.contact, [key]: value };
      setContact(now.current.contact);
      later();
    },
    [later],
  );
  const version = () => now.current.version;
  return {
    draft,
    absent,
    answers,
    contact,
    answer,
    answerContact,
    rejected,
    saving,
    reread,
    save,
    reload: useCallback(() => load(false), [load]),
    version,
  };
}

function answersByField(draft: Draft): Answers {
  return Object.fromEntries(draft.answers.map((answer) => [answer.field, typedValue(answer)]));
}

function typedValue(answer: Draft["answers"][number]): AnswerValue {
  switch (answer.__typename) {
    case "TextAnswer":
      return { text: answer.text };
    case "NumberAnswer":
      return { number: answer.number };
    case "BooleanAnswer":
      return { boolean: answer.boolean };
    case "DateAnswer":
      return { date: answer.date };
    case "ChoiceAnswer":
      return { choices: answer.choices.map((choice) => choice.value) };
    case "AddressAnswer": {
      const { lines, postalCode, city, country } = answer.address;
      return { address: { lines, postalCode, city, country } };
    }
  }
}

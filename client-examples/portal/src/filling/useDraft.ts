import { useChange, useDoor, useRead } from "@espace-citoyens/kit/door.tsx";
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
import { acknowledge, forgetPending, keepPending, pendingOf } from "./pending.ts";

const PAUSE_MILLISECONDS = 1200;
const RETRY_MILLISECONDS = 3000;
/** What passes by itself. */
const PASSING = ["NETWORK", "UNAVAILABLE", "RATE_LIMITED", "INTERNAL"];

const PREFERRED: Answers = { preferredContactMethod: { choices: ["EMAIL"] } };
const CONTACT = "contact.";

export type Draft = NonNullable<RequestDraftQuery["request"]>;
/** `ended`: the session is over; whoever logs in again goes on. */
export type Saving = "saved" | "saving" | "offline" | "waiting" | "ended";

interface Filled {
  answers: Answers;
  contact: Answers;
}

/**
 * A draft that is kept while it is filled in: what was typed goes to the server when typing pauses or the page is left, again and
 * again until the network is back, and field by field, so that a mistake in one keeps nothing else from being saved. Until the
 * server has acknowledged it, this device keeps it (pending.ts).
 */
export function useDraft(id: string) {
  const { ticket } = useDoor();
  const read = useRead();
  const [update] = useChange(UpdateRequest, (data) => data.updateRequest);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [absent, setAbsent] = useState<Problem | "absent" | null>(null);
  const [answers, setAnswers] = useState<Answers>({});
  const [contact, setContact] = useState<Answers>({});
  const [rejected, setRejected] = useState<readonly FieldProblem[]>([]);
  const [saving, setSaving] = useState<Saving>("saved");
  const [reread, setReread] = useState(false);
  /** By the path of their field: what the server has not acknowledged. */
  const pending = useRef(new Map<string, AnswerValue | undefined>());
  /** What of it the server has refused and nobody has corrected yet. */
  const refused = useRef(new Set<string>());
  const now = useRef({ answers, contact, version: 0 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const under = useRef<Promise<boolean> | null>(null);
  const again = useRef<() => void>(() => {});
  const left = useRef(false);

  const show = useCallback(({ answers, contact }: Filled) => {
    Object.assign(now.current, { answers, contact });
    setAnswers(answers);
    setContact(contact);
  }, []);

  /** What keeps the draft from being read or written, told as far as it is not passing. True: it is passing. */
  const tell = useCallback(
    (problem: Problem): boolean => {
      if (PASSING.includes(problem.code)) return true;
      // Whoever holds a ticket has no session that could end: it is unknown.
      if (problem.code === "UNAUTHENTICATED" && ticket === null) setSaving("ended");
      else setAbsent(problem);
      return false;
    },
    [ticket],
  );

  /** Reads it again: what was changed elsewhere is shown, under what was typed here and waits. */
  const load = useCallback(async (): Promise<Problem | null> => {
    const { data, problem } = await read(RequestDraft, { request: id });
    if (problem) {
      if (tell(problem) && now.current.version === 0) setAbsent(problem);
      return problem;
    }
    const found = data.request;
    if (found === null || found === undefined) {
      setAbsent("absent");
      return null;
    }
    setAbsent(null);
    setDraft(found);
    if (found.status !== "DRAFT") {
      pending.current.clear();
      forgetPending(id);
    } else if (now.current.version === 0) for (const each of pendingOf(id)) pending.current.set(...each);
    if (found.version > now.current.version) {
      now.current.version = found.version;
      show(withPending(found, pending.current));
    }
    return null;
  }, [read, id, tell, show]);

  const send = useCallback(async (): Promise<boolean> => {
    clearTimeout(timer.current);
    for (;;) {
      const mayGo = isKeepable(now.current.contact);
      const taken = [...pending.current].filter(
        ([path, value]) =>
          !refused.current.has(partOf(path)) &&
          (path.startsWith(CONTACT) ? mayGo : !value?.address || isWhole(value.address)),
      );
      if (taken.length === 0) {
        const whole = pending.current.size === 0;
        setSaving(whole ? "saved" : "waiting");
        return whole;
      }
      setSaving(unlessEnded);
      const withContact = taken.some(([path]) => path.startsWith(CONTACT));
      const { success, problem, refusal } = await update({
        request: id,
        version: now.current.version,
        contact: withContact ? contactOf(now.current.contact) : undefined,
        answers: taken
          .filter(([path]) => !path.startsWith(CONTACT))
          .map(([field, value]) => ({ field, value: value ?? null })),
      });
      if (success) {
        now.current.version = success.request.version;
        for (const [path, value] of taken) {
          if (pending.current.get(path) === value) pending.current.delete(path);
          acknowledge(id, path, value);
        }
        const sent = new Set(taken.map(([path]) => partOf(path)));
        setRejected((before) => before.filter(({ path }) => !sent.has(partOf(path))));
        setDraft((before) => before && { ...before, ...success.request });
        continue;
      }
      if (refusal?.__typename === "ValidationError") {
        // What is wrong waits for its correction; the rest is sent again without it.
        const wrong = refusal.fields;
        setRejected((before) => [
          ...before.filter((each) => !wrong.some((other) => other.path === each.path)),
          ...wrong,
        ]);
        for (const { path } of wrong) refused.current.add(partOf(path));
        if (taken.some(([path]) => refused.current.has(partOf(path)))) continue;
        setSaving("waiting");
        return false;
      }
      // Whoever has left is done: what waits is sent by the page that opens the draft again.
      if (left.current) return false;
      let trouble: Problem | null = problem;
      if (refusal?.__typename === "ConflictError") {
        const before = { ...now.current };
        trouble = await load();
        if (trouble === null) {
          if (differ(before, now.current)) setReread(true);
          continue;
        }
      }
      if (tell(trouble)) {
        setSaving("offline");
        timer.current = setTimeout(() => again.current(), RETRY_MILLISECONDS);
      } else setSaving((before) => (before === "ended" ? before : "waiting"));
      return false;
    }
  }, [id, update, load, tell]);

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

  // At first, in another language, and for whoever has logged in again: refusals are told anew, in the words of now.
  const open = useCallback(async () => {
    const problem = await load();
    if (problem !== null) return;
    refused.current.clear();
    setRejected([]);
    await save();
  }, [load, save]);
  useEffect(() => {
    open();
  }, [open]);

  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
      clearTimeout(timer.current);
      if (pending.current.size > 0) again.current();
    };
  }, []);

  const later = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(save, PAUSE_MILLISECONDS);
    setSaving(unlessEnded);
  }, [save]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (pending.current.size > 0) event.preventDefault();
    };
    const back = () => (now.current.version === 0 ? open() : save());
    addEventListener("beforeunload", warn);
    addEventListener("online", back);
    return () => {
      removeEventListener("beforeunload", warn);
      removeEventListener("online", back);
    };
  }, [open, save]);

  const type = useCallback(
    (path: string, value: AnswerValue | undefined) => {
      pending.current.set(path, value);
      keepPending(id, path, value);
      refused.current.delete(partOf(path));
      later();
    },
    [id, later],
  );
  const answer = useCallback(
    (key: string, value: AnswerValue | undefined) => {
      show({ ...now.current, answers: { ...now.current.answers, [key]: value } });
      type(key, value);
    },
    [show, type],
  );
  const answerContact = useCallback(
    (key: string, value: AnswerValue | undefined) => {
      show({ ...now.current, contact: { ...now.current.contact, [key]: value } });
      type(CONTACT + key, value);
    },
    [show, type],
  );
  const reload = useCallback(async () => {
    await load();
  }, [load]);
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
    reload,
    version,
  };
}

/** What is kept or refused as one: a field of the form, or Mes informations as a whole. */
function partOf(path: string): string {
  return path.split(".")[0] ?? path;
}

function unlessEnded(before: Saving): Saving {
  return before === "ended" ? before : "saving";
}

/** What the server has, and over it what it does not have yet. */
function withPending(draft: Draft, pending: ReadonlyMap<string, AnswerValue | undefined>): Filled {
  const typed = [...pending];
  const ofContact = typed.filter(([path]) => path.startsWith(CONTACT));
  return {
    answers: {
      ...answersByField(draft),
      ...Object.fromEntries(typed.filter(([path]) => !path.startsWith(CONTACT))),
    },
    contact: {
      // What is kept where nothing else is said: shown from the start.
      ...PREFERRED,
      ...answersOf(draft.contact),
      ...Object.fromEntries(ofContact.map(([path, value]) => [path.slice(CONTACT.length), value])),
    },
  };
}

function differ(before: Filled, after: Filled): boolean {
  return (["answers", "contact"] as const).some((part) =>
    Object.keys({ ...before[part], ...after[part] }).some(
      (key) => JSON.stringify(before[part][key]) !== JSON.stringify(after[part][key]),
    ),
  );
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

import { useChange, useDoor, useRead } from "@espace-citoyens/kit/door.tsx";
import { answersOf, contactOf } from "@espace-citoyens/kit/form/contact.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import {
  type AnswerValue,
  RequestDraft,
  type RequestDraftQuery,
  UpdateRequest,
} from "@espace-citoyens/kit/operations.ts";
import { type FieldProblem, isPassing, type Problem } from "@espace-citoyens/kit/outcome.ts";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { answersByField, answerTo, byKey, differ, type Filled, withPending } from "./filled.ts";
import { acknowledge, forgetPending, keepPending, pendingOf } from "./pending.ts";
import { askedIn, fieldOf, inOrder, isOfContact, pathOf } from "./places.ts";

const PAUSE_MILLISECONDS = 1200;
const RETRY_MILLISECONDS = 3000;
/** What is tried again here beside what passes by itself: nobody is to lose what they typed over it. */
const TRIED_AGAIN = ["RATE_LIMITED", "INTERNAL"];

const PREFERRED: Answers = { preferredContactMethod: { choices: ["EMAIL"] } };

export type Draft = NonNullable<RequestDraftQuery["request"]>;
/** `ended`: the session is over; whoever logs in again goes on. */
export type Saving = "saved" | "saving" | "offline" | "waiting" | "ended";

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
  const [waiting, setWaiting] = useState<readonly string[]>([]);
  const [rejected, setRejected] = useState<readonly FieldProblem[]>([]);
  const [saving, setSaving] = useState<Saving>("saved");
  const [reread, setReread] = useState(false);
  /** By the path of their field: what the server has not acknowledged. */
  const pending = useRef(new Map<string, AnswerValue | undefined>());
  /** What of it the server has refused and nobody has corrected yet. */
  const refused = useRef(new Set<string>());
  const told = useRef<readonly FieldProblem[]>([]);
  const now = useRef({ answers, contact, version: 0, steps: [] as Draft["steps"] });
  /** Mes informations as the server has them: they are sent as a whole, without what it refuses. */
  const contactKept = useRef<Answers>({});
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const under = useRef<Promise<boolean> | null>(null);
  const again = useRef<() => void>(() => {});
  const left = useRef(false);

  const show = useCallback(({ answers, contact }: Filled) => {
    Object.assign(now.current, { answers, contact });
    setAnswers(answers);
    setContact(contact);
  }, []);

  const reject = useCallback((problems: readonly FieldProblem[]) => {
    told.current = problems;
    setRejected(problems);
  }, []);

  const tellWaiting = useCallback(() => setWaiting([...pending.current.keys()]), []);

  /** What keeps the draft from being read or written, told as far as it is not passing. True: it is passing. */
  const tell = useCallback(
    (problem: Problem): boolean => {
      if (isPassing(problem) || TRIED_AGAIN.includes(problem.code)) return true;
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
    now.current.steps = found.steps;
    if (found.status !== "DRAFT") {
      pending.current.clear();
      forgetPending(id);
    } else if (now.current.version === 0) for (const each of pendingOf(id)) pending.current.set(...each);
    tellWaiting();
    if (found.version > now.current.version) {
      now.current.version = found.version;
      contactKept.current = { ...PREFERRED, ...answersOf(found.contact) };
      show(withPending(answersByField(found), contactKept.current, pending.current));
    }
    return null;
  }, [read, id, tell, tellWaiting, show]);

  const send = useCallback(async (): Promise<boolean> => {
    clearTimeout(timer.current);
    for (;;) {
      const taken = [...pending.current].filter(([path]) => !refused.current.has(path));
      if (taken.length === 0) {
        const asked = askedIn(now.current.steps, now.current);
        const whole = !asked.some((path) => pending.current.has(path));
        setSaving(whole ? "saved" : "waiting");
        return whole;
      }
      setSaving(unlessEnded);
      const ofContact = taken.filter(([path]) => isOfContact(path));
      const newContact = { ...contactKept.current, ...byKey(ofContact) };
      const { success, problem, refusal } = await update({
        request: id,
        version: now.current.version,
        contact: ofContact.length > 0 ? contactOf(newContact) : undefined,
        answers: taken
          .filter(([path]) => !isOfContact(path))
          .map(([field, value]) => ({ field, value: answerTo(value) })),
      });
      if (success) {
        now.current.version = success.request.version;
        if (ofContact.length > 0) contactKept.current = newContact;
        for (const [path, value] of taken) {
          if (pending.current.get(path) === value) pending.current.delete(path);
          acknowledge(id, path, value);
        }
        tellWaiting();
        const sent = new Set(taken.map(([path]) => path));
        reject(told.current.filter(({ path }) => !sent.has(fieldOf(path))));
        setDraft((before) => before && { ...before, ...success.request });
        continue;
      }
      if (refusal?.__typename === "ValidationError") {
        // What is wrong waits for its correction; the rest is sent again without it.
        const retyped = new Set(
          taken.filter(([path, value]) => pending.current.get(path) !== value).map(([path]) => path),
        );
        const fields = refusal.fields.filter(({ path }) => !retyped.has(fieldOf(path)));
        const wrong = new Set(fields.map(({ path }) => fieldOf(path)));
        reject([...told.current.filter(({ path }) => !wrong.has(fieldOf(path))), ...fields]);
        for (const field of wrong) refused.current.add(field);
        if (taken.some(([path]) => wrong.has(path) || retyped.has(path))) continue;
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
  }, [id, update, load, tell, tellWaiting, reject]);

  /** Sends what waits. True: the server has all that is asked. */
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
    reject([]);
    await save();
  }, [load, save, reject]);
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
      refused.current.delete(path);
      tellWaiting();
      later();
    },
    [id, later, tellWaiting],
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
      type(pathOf("CONTACT", key), value);
    },
    [show, type],
  );
  const reload = useCallback(async () => {
    await load();
  }, [load]);
  const version = () => now.current.version;
  /** What is refused by now, without waiting for it to be shown. */
  const refusals = () => {
    const asked = askedIn(now.current.steps, now.current);
    return inOrder(told.current, asked).filter(({ path }) => asked.includes(fieldOf(path)));
  };
  const { asked, unsaved, problems } = useMemo(() => {
    const asked = askedIn(draft?.steps ?? [], { answers, contact });
    const wrong = rejected.filter(({ path }) => asked.includes(fieldOf(path)));
    const unsaved = asked.filter(
      (field) => waiting.includes(field) || wrong.some(({ path }) => fieldOf(path) === field),
    );
    // What is missing of a field is out of date while the server does not have what was typed into it.
    const missing = (draft?.problems ?? []).filter(({ path }) => !unsaved.includes(fieldOf(path)));
    return { asked, unsaved, problems: inOrder([...wrong, ...missing], asked) };
  }, [draft, answers, contact, waiting, rejected]);
  return {
    draft,
    absent,
    answers,
    contact,
    answer,
    answerContact,
    /** The paths of the fields that are asked now, and of those of them that the server does not have as they are shown. */
    asked,
    unsaved,
    /** What keeps it from being sent, as far as it is known by now. */
    problems,
    refusals,
    saving,
    reread,
    save,
    reload,
    version,
  };
}

function unlessEnded(before: Saving): Saving {
  return before === "ended" ? before : "saving";
}

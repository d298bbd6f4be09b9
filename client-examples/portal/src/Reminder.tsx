import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { SetAppointmentReminder } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FocusEvent, type FormEvent, type Ref, useImperativeHandle, useRef, useState } from "react";
import { useWords } from "./wording.ts";

interface Reminded {
  id: string;
  suggestedReminderEmail: string | null;
  reminder: { email: string; sendsAt: string; sentAt?: string | null } | null;
}

export interface ReminderHandle {
  /** Saves what was typed and not saved. False: it is wrong, or cannot be saved now, and that is said at the field. */
  keep: () => Promise<boolean>;
}

interface Properties {
  appointment: Reminded;
  onChange: () => void;
  ref?: Ref<ReminderHandle>;
}

/** Me notifier la veille. Who ticks it or types an address, and goes on without saving, has asked for it all the same. */
export function Reminder({ appointment, onChange, ref }: Properties) {
  const words = useWords();
  const { language } = useLanguage();
  const [set, busy] = useChange(SetAppointmentReminder, (data) => data.setAppointmentReminder);
  const [wanted, setWanted] = useState(appointment.reminder !== null);
  const [email, setEmail] = useState(appointment.reminder?.email ?? appointment.suggestedReminderEmail ?? "");
  const [problem, setProblem] = useState<Problem | null>(null);
  const asked = useRef(appointment.reminder?.email ?? null);
  const underWay = useRef<Promise<boolean> | null>(null);
  const ask = async (address: string | null): Promise<boolean> => {
    const { problem } = await set({ appointment: appointment.id, email: address });
    if (problem) asked.current = appointment.reminder?.email ?? null;
    setProblem(problem);
    onChange();
    return problem === null;
  };
  const save = (address: string | null): Promise<boolean> => {
    asked.current = address;
    const saving = ask(address).finally(() => {
      if (underWay.current === saving) underWay.current = null;
    });
    underWay.current = saving;
    return saving;
  };
  useImperativeHandle(ref, () => ({
    keep: async () => {
      const address = wanted ? email : null;
      if (address === asked.current) return (await underWay.current) ?? true;
      return save(address);
    },
  }));
  const leave = (event: FocusEvent<HTMLFormElement>) => {
    // Nor is looking at another window leaving.
    if (event.currentTarget.contains(event.relatedTarget) || document.activeElement === event.target) return;
    if (wanted && email && email !== asked.current) save(email);
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    save(email);
  };
  return (
    <form onSubmit={send} onBlur={leave} noValidate>
      <ProblemNotice problem={problem} />
      <label className="option">
        <input
          type="checkbox"
          checked={wanted}
          onChange={(event) => {
            setWanted(event.target.checked);
            if (event.target.checked && email) save(email);
            if (!event.target.checked && asked.current !== null) save(null);
          }}
        />
        {words.request.notify}
      </label>
      {wanted && (
        <>
          <Labelled
            path="reminderEmail"
            label={words.request.notifyAt}
            messages={(problem?.fields ?? []).map((each) => each.message)}
          >
            {(described) => (
              <input
                {...described}
                type="email"
                autoComplete="email"
                value={email}
                onChange={(event) => setEmail(event.target.value)}
              />
            )}
          </Labelled>
          <button type="submit" className="button-second" disabled={busy}>
            {words.frame.save}
          </button>
        </>
      )}
      {appointment.reminder && (
        <p role="status">
          {appointment.reminder.sentAt
            ? words.request.notifiedAlready
            : words.request.notified(readableInstant(appointment.reminder.sendsAt, language))}
        </p>
      )}
    </form>
  );
}

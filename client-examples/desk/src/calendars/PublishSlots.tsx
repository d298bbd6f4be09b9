import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { Labelled, LabelledGroup } from "@espace-citoyens/kit/form/Labelled.tsx";
import { PublishSlots as Publish, type Weekday } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useWords } from "../wording.ts";

const WORKING: Weekday[] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];

interface Properties {
  schedule: string;
  day: string;
  onClose: () => void;
  onPublished: () => void;
}

/** Opens slots by a rule over a span of days; what stands already is left as it is, closed slots too unless asked. */
export function PublishSlots({ schedule, day, onClose, onPublished }: Properties) {
  const words = useWords();
  const announce = useAnnounce();
  const [publish, busy] = useChange(Publish, (data) => data.publishSlots);
  const [rule, setRule] = useState({ from: day, to: day, start: "09:00", end: "12:00" });
  const [minutes, setMinutes] = useState("20");
  const [capacity, setCapacity] = useState("1");
  const [weekdays, setWeekdays] = useState<Weekday[]>(WORKING);
  const [skipPublicHolidays, setSkip] = useState(true);
  const [reopenClosed, setReopen] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [published, setPublished] = useState<number | null>(null);
  const set = (part: Partial<typeof rule>) => setRule({ ...rule, ...part });
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await publish({
      input: {
        schedule,
        from: rule.from,
        to: rule.to,
        openings: [{ weekdays, start: rule.start, end: rule.end }],
        minutes: Number.parseInt(minutes, 10) || 0,
        capacity: Number.parseInt(capacity, 10) || 0,
        skipPublicHolidays,
        reopenClosed,
      },
    });
    setProblem(problem);
    setPublished(success?.published ?? null);
    if (!success) return;
    announce(words.calendars.published(success.published));
    onPublished();
  };
  const input = (name: keyof typeof rule, type: string, label: string, path: string) => (
    <Labelled path={path} label={label} messages={messagesAt(problem?.fields ?? [], path)}>
      {(described) => (
        <input
          {...described}
          type={type}
          value={rule[name]}
          onChange={(event) => set({ [name]: event.target.value })}
        />
      )}
    </Labelled>
  );
  return (
    <Dialog title={words.calendars.publish} onClose={onClose}>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} />
        <div className="side-by-side">
          {input("from", "date", words.calendars.from, "from")}
          {input("to", "date", words.calendars.to, "to")}
        </div>
        <LabelledGroup
          path="openings.0.weekdays"
          label={words.calendars.weekdays}
          messages={messagesAt(problem?.fields ?? [], "openings.0.weekdays")}
        >
          <div className="side-by-side">
            {(Object.entries(words.calendars.days) as [Weekday, string][]).map(([weekday, name]) => (
              <label key={weekday} className="option">
                <input
                  type="checkbox"
                  checked={weekdays.includes(weekday)}
                  onChange={(event) =>
                    setWeekdays(
                      event.target.checked
                        ? [...weekdays, weekday]
                        : weekdays.filter((each) => each !== weekday),
                    )
                  }
                />
                {name}
              </label>
            ))}
          </div>
        </LabelledGroup>
        <div className="side-by-side">
          {input("start", "time", words.calendars.start, "openings.0.start")}
          {input("end", "time", words.calendars.end, "openings.0.end")}
          <Labelled
            path="minutes"
            label={words.calendars.minutes}
            messages={messagesAt(problem?.fields ?? [], "minutes")}
          >
            {(described) => (
              <input
                {...described}
                inputMode="numeric"
                value={minutes}
                onChange={(event) => setMinutes(event.target.value)}
              />
            )}
          </Labelled>
          <Labelled
            path="capacity"
            label={words.calendars.capacity}
            messages={messagesAt(problem?.fields ?? [], "capacity")}
          >
            {(described) => (
              <input
                {...described}
                inputMode="numeric"
                value={capacity}
                onChange={(event) => setCapacity(event.target.value)}
              />
            )}
          </Labelled>
        </div>
        <label className="option">
          <input
            type="checkbox"
            checked={skipPublicHolidays}
            onChange={(event) => setSkip(event.target.checked)}
          />
          {words.calendars.holidays}
        </label>
        <label className="option">
          <input
            type="checkbox"
            aria-describedby="reopen-closed-help"
            checked={reopenClosed}
            onChange={(event) => setReopen(event.target.checked)}
          />
          {words.calendars.reopen}
        </label>
        <p className="field-help" id="reopen-closed-help">
          {words.calendars.reopenHelp}
        </p>
        {published !== null && <p role="status">{words.calendars.published(published)}</p>}
        <Actions label={words.calendars.publish} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

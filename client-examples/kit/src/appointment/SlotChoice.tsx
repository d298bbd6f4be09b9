import { useState } from "react";
import { readableDay, readableTime } from "../dates.ts";
import { useChange } from "../door.tsx";
import { ProblemNotice } from "../elements/Notice.tsx";
import { useLanguage, useWording } from "../language.tsx";
import { BookAppointment, MoveAppointment } from "../operations.ts";
import type { Problem } from "../outcome.ts";
import { PUNCTUATION } from "../punctuation.ts";
import { type Schedule, SlotPicker } from "./SlotPicker.tsx";
import { WORDING } from "./wording.ts";

interface Chosen {
  id: string;
  start: string;
  end: string;
  place: string;
}

interface Properties {
  /** A request that was sent. */
  request: { id: string; procedure: { slug: string; schedules: readonly Schedule[] } };
  /** What is moved; null: one is booked. */
  planned: { id: string; slot: { start: string; schedule: { id: string } } } | null;
  onDone: () => void;
}

/** Another slot for an appointment, or the first one: chosen, looked at, confirmed. */
export function SlotChoice({ request, planned, onDone }: Properties) {
  const wording = useWording(WORDING);
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const [move, moving] = useChange(MoveAppointment, (data) => data.moveAppointment);
  const [book, booking] = useChange(BookAppointment, (data) => data.bookAppointment);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const confirm = async (slot: string) => {
    const { success, problem, refusal } = planned
      ? await move({ appointment: planned.id, slot })
      : await book({ request: request.id, slot });
    setProblem(problem);
    if (success) return onDone();
    const next = refusal?.__typename === "SlotUnavailableError" ? refusal.nextAvailable : null;
    // It is of the same schedule.
    setChosen((before) => (next ? { ...next, place: before?.place ?? "" } : null));
  };
  return (
    <section aria-label={wording.choose} className="card">
      <h3>{wording.choose}</h3>
      <SlotPicker
        procedure={request.procedure.slug}
        schedules={request.procedure.schedules}
        chosen={chosen?.id ?? null}
        current={planned?.slot ?? null}
        heading="h4"
        onChoose={(slot, schedule) => setChosen({ ...slot, place: `${schedule.title} – ${schedule.place}` })}
      />
      <ProblemNotice problem={problem} />
      {chosen && (
        <div className="notice" role="status" data-testid="slot-detail">
          <p>
            <strong>{wording.detail}</strong>
            {colon}
            {readableDay(chosen.start, language)}, {readableTime(chosen.start, language)}–
            {readableTime(chosen.end, language)}
            <br />
            {chosen.place}
          </p>
          <button
            type="button"
            className="button"
            disabled={moving || booking}
            onClick={() => confirm(chosen.id)}
          >
            {wording.confirm}
          </button>
        </div>
      )}
    </section>
  );
}

import { useState } from "react";
import { useChange } from "../door.tsx";
import { ProblemNotice } from "../elements/Notice.tsx";
import { useWording } from "../language.tsx";
import { BookAppointment, MoveAppointment } from "../operations.ts";
import type { Problem } from "../outcome.ts";
import { useFocusAfter } from "../useFocusAfter.ts";
import { SlotDetail } from "./SlotDetail.tsx";
import { type Schedule, type Slot, SlotPicker } from "./SlotPicker.tsx";
import { WORDING } from "./wording.ts";

interface Chosen extends Slot {
  schedule: Schedule;
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
  const [move, moving] = useChange(MoveAppointment, (data) => data.moveAppointment);
  const [book, booking] = useChange(BookAppointment, (data) => data.bookAppointment);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [detail, focusDetail] = useFocusAfter<HTMLDivElement>();
  const choose = (slot: Slot, schedule: Schedule) => {
    setChosen({ ...slot, schedule });
    setProblem(null);
    focusDetail();
  };
  const confirm = async ({ id: slot, schedule }: Chosen) => {
    const { success, problem, refusal } = planned
      ? await move({ appointment: planned.id, slot })
      : await book({ request: request.id, slot });
    setProblem(problem);
    if (success) return onDone();
    // The next one is of the same schedule.
    if (refusal?.__typename === "SlotUnavailableError")
      setChosen(refusal.nextAvailable && { ...refusal.nextAvailable, schedule });
  };
  return (
    <section aria-label={wording.choose} className="card">
      <h3>{wording.choose}</h3>
      <SlotPicker
        procedure={request.procedure.slug}
        schedules={request.procedure.schedules}
        chosen={chosen}
        current={planned?.slot ?? null}
        heading="h4"
        onChoose={choose}
      />
      <div className="slot-bar">
        <ProblemNotice problem={problem} />
        {chosen && (
          <SlotDetail
            ref={detail}
            slot={chosen}
            place={`${chosen.schedule.title} – ${chosen.schedule.place}`}
            action={
              <button
                type="button"
                className="button"
                disabled={moving || booking}
                onClick={() => confirm(chosen)}
              >
                {wording.confirm}
              </button>
            }
          />
        )}
      </div>
    </section>
  );
}

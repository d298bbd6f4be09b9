import { SlotPicker } from "@espace-citoyens/kit/appointment/SlotPicker.tsx";
import { readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { BookAppointment, CancelAppointment } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import { Reminder } from "../Reminder.tsx";
import { useWords } from "../wording.ts";
import type { Draft } from "./useDraft.ts";

interface NextSlot {
  id: string;
  start: string;
}

/** Mon rendez-vous: choosing a slot holds it for some minutes. */
export function AppointmentStep({ draft, onChange }: { draft: Draft; onChange: () => void }) {
  const words = useWords();
  const { language } = useLanguage();
  const [book] = useChange(BookAppointment, (data) => data.bookAppointment);
  const [cancel] = useChange(CancelAppointment, (data) => data.cancelAppointment);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [next, setNext] = useState<NextSlot | null>(null);
  const held = draft.appointments[0];
  const choose = async (slot: string) => {
    const { problem, refusal } = await book({ request: draft.id, slot });
    setProblem(problem);
    setNext(refusal?.__typename === "SlotUnavailableError" ? refusal.nextAvailable : null);
    onChange();
  };
  return (
    <>
      {draft.procedure.appointment === "OPTIONAL" && <p>{words.filling.optionalAppointment}</p>}
      <ProblemNotice problem={problem}>
        {next && (
          <p>
            {words.filling.nextSlot(readableDay(next.start, language), readableTime(next.start, language))}{" "}
            <button type="button" className="button-second" onClick={() => choose(next.id)}>
              {words.filling.takeIt}
            </button>
          </p>
        )}
      </ProblemNotice>
      {held && (
        <div className="card" data-testid="held">
          <Notice kind="success">
            <p>
              <strong>
                {words.filling.held(
                  readableDay(held.slot.start, language),
                  readableTime(held.slot.start, language),
                )}
              </strong>
            </p>
            <p>
              {held.slot.schedule.title} – {held.slot.schedule.place}
            </p>
            {held.heldUntil && <p>{words.filling.heldUntil(readableTime(held.heldUntil, language))}</p>}
          </Notice>
          <Reminder appointment={held} onChange={onChange} />
          <button
            type="button"
            className="button-quiet"
            onClick={async () => {
              const { problem } = await cancel({ appointment: held.id });
              setProblem(problem);
              onChange();
            }}
          >
            {words.filling.giveBack}
          </button>
        </div>
      )}
      <SlotPicker
        procedure={draft.procedure.slug}
        schedules={draft.procedure.schedules}
        chosen={held?.slot.id ?? null}
        onChoose={(slot) => choose(slot.id)}
      />
    </>
  );
}

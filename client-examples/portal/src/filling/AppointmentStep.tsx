import { SlotPicker } from "@espace-citoyens/kit/appointment/SlotPicker.tsx";
import { readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { CancelAppointment } from "@espace-citoyens/kit/operations.ts";
import type { Ref } from "react";
import { Reminder, type ReminderHandle } from "../Reminder.tsx";
import { useWords } from "../wording.ts";
import { NextSlotOffer } from "./NextSlotOffer.tsx";
import type { Draft } from "./useDraft.ts";
import { useHold } from "./useHold.ts";

interface Properties {
  draft: Draft;
  /** The slot is held no longer. */
  ended: boolean;
  reminder: Ref<ReminderHandle>;
  reload: () => Promise<void>;
}

/** Mon rendez-vous: choosing a slot holds it for some minutes. */
export function AppointmentStep({ draft, ended, reminder, reload }: Properties) {
  const words = useWords();
  const { language } = useLanguage();
  const { hold, problem, setProblem, next } = useHold(draft, reload);
  const [cancel] = useChange(CancelAppointment, (data) => data.cancelAppointment);
  const [held] = draft.appointments;
  return (
    <>
      {draft.procedure.appointment === "OPTIONAL" && <p>{words.filling.optionalAppointment}</p>}
      <ProblemNotice problem={problem}>
        <NextSlotOffer next={next} onTake={hold} />
      </ProblemNotice>
      {held && (
        <div className="card" data-testid="held">
          <Notice kind={ended ? "warning" : "success"}>
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
            {held.heldUntil && !ended && (
              <p>{words.filling.heldUntil(readableTime(held.heldUntil, language))}</p>
            )}
          </Notice>
          <Reminder ref={reminder} appointment={held} onChange={reload} />
          <button
            type="button"
            className="button-quiet"
            onClick={async () => {
              const { problem } = await cancel({ appointment: held.id });
              setProblem(problem);
              reload();
            }}
          >
            {words.filling.giveBack}
          </button>
        </div>
      )}
      <SlotPicker
        procedure={draft.procedure.slug}
        schedules={draft.procedure.schedules}
        chosen={ended ? null : (held?.slot.id ?? null)}
        current={held?.slot ?? null}
        onClosed={reload}
        onChoose={(slot) => hold(slot.id)}
        heading="h3"
      />
    </>
  );
}

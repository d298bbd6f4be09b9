import { SlotDetail } from "@espace-citoyens/kit/appointment/SlotDetail.tsx";
import { SlotPicker } from "@espace-citoyens/kit/appointment/SlotPicker.tsx";
import { readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { CancelAppointment } from "@espace-citoyens/kit/operations.ts";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
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
  const [detail, focusDetail] = useFocusAfter<HTMLDivElement>();
  const [held] = draft.appointments;
  const chosen = held && !ended ? held.slot : null;
  const choose = async (slot: string) => {
    if (slot === chosen?.id || (await hold(slot))) focusDetail();
  };
  return (
    <>
      {draft.procedure.appointment === "OPTIONAL" && <p>{words.filling.optionalAppointment}</p>}
      <div>
        <SlotPicker
          procedure={draft.procedure.slug}
          schedules={draft.procedure.schedules}
          chosen={chosen}
          held
          current={held?.slot ?? null}
          onClosed={reload}
          onChoose={(slot) => choose(slot.id)}
          heading="h3"
        />
        <div className="slot-bar">
          <ProblemNotice problem={problem}>
            <NextSlotOffer next={next} onTake={choose} />
          </ProblemNotice>
          {held && (
            <SlotDetail
              ref={detail}
              slot={held.slot}
              place={`${held.slot.schedule.title} – ${held.slot.schedule.place}`}
              kind={ended ? "warning" : "success"}
            >
              {held.heldUntil && !ended && (
                <p>{words.filling.heldUntil(readableTime(held.heldUntil, language))}</p>
              )}
            </SlotDetail>
          )}
        </div>
      </div>
      {held && (
        <>
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
        </>
      )}
    </>
  );
}

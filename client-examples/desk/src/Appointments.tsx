import { CancelAppointment } from "@espace-citoyens/kit/appointment/CancelAppointment.tsx";
import { SlotChoice } from "@espace-citoyens/kit/appointment/SlotChoice.tsx";
import { WORDING } from "@espace-citoyens/kit/appointment/wording.ts";
import { readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import type { DeskRequestQuery } from "@espace-citoyens/kit/operations.ts";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
import { useState } from "react";
import { useWords } from "./wording.ts";

type Request = NonNullable<DeskRequestQuery["request"]>;

/** The appointment of a request, which an agent books, moves or cancels for whoever asks by telephone. */
export function Appointments({ request, reload }: { request: Request; reload: () => void }) {
  const words = useWords().request;
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  const announce = useAnnounce();
  const [place, focusPlace] = useFocusAfter<HTMLHeadingElement>();
  const [choosing, setChoosing] = useState(false);
  const may = (action: Request["permittedActions"][number]) => request.permittedActions.includes(action);
  // The last of them: those before have begun.
  const last = request.appointments.at(-1) ?? null;
  const planned = may("MOVE_APPOINTMENT") ? last : null;
  if (!last && !may("BOOK_APPOINTMENT")) return null;
  const finish = (message: string) => {
    setChoosing(false);
    announce(message);
    focusPlace();
    reload();
  };
  return (
    <section className="card">
      <h2 ref={place} tabIndex={-1}>
        {words.appointment}
      </h2>
      {last && (
        <p>
          {readableDay(last.slot.start, language)}, {readableTime(last.slot.start, language)}
          <br />
          {last.slot.schedule.title} – {last.slot.schedule.place}
        </p>
      )}
      <div className="actions">
        {(planned || may("BOOK_APPOINTMENT")) && (
          <button
            type="button"
            className="button-second"
            aria-expanded={choosing}
            onClick={() => setChoosing(!choosing)}
          >
            {planned ? wording.move : wording.book}
          </button>
        )}
        {planned && (
          <CancelAppointment appointment={planned.id} onDone={() => finish(words.appointmentCancelled)} />
        )}
      </div>
      {choosing && (
        <SlotChoice
          request={request}
          planned={planned}
          onDone={() => finish(planned ? words.appointmentMoved : words.appointmentBooked)}
        />
      )}
    </section>
  );
}

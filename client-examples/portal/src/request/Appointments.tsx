import { CancelAppointment } from "@espace-citoyens/kit/appointment/CancelAppointment.tsx";
import { SlotChoice } from "@espace-citoyens/kit/appointment/SlotChoice.tsx";
import { WORDING } from "@espace-citoyens/kit/appointment/wording.ts";
import { readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Notice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { MUNICIPALITY_LANGUAGE, useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
import { useState } from "react";
import { Reminder } from "../Reminder.tsx";
import { useWords } from "../wording.ts";
import type { Request } from "./RequestView.tsx";

type Appointment = Request["appointments"][number];

/**
 * The appointments of a request: their detail, and of the one to come moving it and the reminder; or choosing one, where there is
 * none yet or the last one is over.
 */
export function Appointments({ request, reload }: { request: Request; reload: () => void }) {
  const words = useWords();
  const wording = useWording(WORDING);
  const [choosing, setChoosing] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const [told, focusTold] = useFocusAfter<HTMLDivElement>();
  const may = (action: Request["permittedActions"][number]) => request.permittedActions.includes(action);
  // The last of them: those before have begun.
  const planned = may("MOVE_APPOINTMENT") ? (request.appointments.at(-1) ?? null) : null;
  const finish = (message: string) => {
    setChoosing(false);
    setDone(message);
    focusTold();
    reload();
  };
  return (
    <>
      <div ref={told} tabIndex={-1}>
        {done && <Notice kind="success">{done}</Notice>}
      </div>
      {request.appointments.map((appointment) => (
        <Planned
          key={appointment.id}
          appointment={appointment}
          mayMove={appointment === planned}
          choosing={choosing}
          onMove={() => setChoosing(!choosing)}
          reload={reload}
        />
      ))}
      {may("BOOK_APPOINTMENT") && !choosing && (
        <button type="button" className="button-second" onClick={() => setChoosing(true)}>
          {wording.book}
        </button>
      )}
      {choosing && (
        <SlotChoice
          request={request}
          planned={planned}
          onDone={() => finish(planned ? words.request.moved : words.request.booked)}
        />
      )}
    </>
  );
}

interface PlannedProperties {
  appointment: Appointment;
  mayMove: boolean;
  choosing: boolean;
  onMove: () => void;
  reload: () => void;
}

function Planned({ appointment, mayMove, choosing, onMove, reload }: PlannedProperties) {
  const words = useWords();
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  const { slot } = appointment;
  return (
    <div className="card" data-testid="appointment">
      <p>
        <Icon name="calendar" />{" "}
        <strong>
          {readableDay(slot.start, language)}, {readableTime(slot.start, language)}–
          {readableTime(slot.end, language)}
        </strong>
      </p>
      <p lang={MUNICIPALITY_LANGUAGE}>
        {slot.schedule.title} – {slot.schedule.place}
        {slot.schedule.address && (
          <>
            <br />
            {[
              ...slot.schedule.address.lines,
              `${slot.schedule.address.postalCode} ${slot.schedule.address.city}`,
            ].join(", ")}
          </>
        )}
      </p>
      <p>
        <a href={appointment.calendarUrl}>{words.request.calendar}</a>
      </p>
      {mayMove && <Reminder key={slot.id} appointment={appointment} onChange={reload} />}
      {mayMove && (
        <div className="actions">
          <button type="button" className="button-second" aria-expanded={choosing} onClick={onMove}>
            <Icon name="move" />
            {wording.move}
          </button>
          <CancelAppointment appointment={appointment.id} onDone={reload} />
        </div>
      )}
    </div>
  );
}

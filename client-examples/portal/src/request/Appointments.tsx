import { SlotPicker } from "@espace-citoyens/kit/appointment/SlotPicker.tsx";
import { readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { BookAppointment, CancelAppointment, MoveAppointment } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useState } from "react";
import { Reminder } from "../Reminder.tsx";
import { useWords } from "../wording.ts";
import type { Request } from "./RequestView.tsx";

type Appointment = Request["appointments"][number];
interface Chosen {
  id: string;
  start: string;
  end: string;
  place: string;
}

/**
 * The appointments of a request: their detail, and of the one to come moving it and the reminder; or choosing one, where there is
 * none yet or the last one is over.
 */
export function Appointments({ request, reload }: { request: Request; reload: () => void }) {
  const words = useWords();
  const [choosing, setChoosing] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const may = (action: Request["permittedActions"][number]) => request.permittedActions.includes(action);
  // The last of them: those before have begun.
  const planned = may("MOVE_APPOINTMENT") ? (request.appointments.at(-1) ?? null) : null;
  const finish = (message: string) => {
    setChoosing(false);
    setDone(message);
    reload();
  };
  return (
    <>
      {done && <Notice kind="success">{done}</Notice>}
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
          {words.request.book}
        </button>
      )}
      {choosing && <Choice request={request} planned={planned} onDone={finish} />}
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
  const { language } = useLanguage();
  const [cancel] = useChange(CancelAppointment, (data) => data.cancelAppointment);
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
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
      <p>
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
            {words.request.move}
          </button>
          <button type="button" className="button-quiet" onClick={() => setAsked(true)}>
            {words.request.cancelAppointment}
          </button>
        </div>
      )}
      {asked && (
        <Dialog title={words.request.cancelAppointmentTitle} onClose={() => setAsked(false)}>
          <ProblemNotice problem={problem} />
          <div className="actions">
            <button
              type="button"
              className="button"
              onClick={async () => {
                const { success, problem } = await cancel({ appointment: appointment.id });
                setProblem(problem);
                if (!success) return;
                setAsked(false);
                reload();
              }}
            >
              {words.request.cancelAppointment}
            </button>
            <button type="button" className="button-quiet" onClick={() => setAsked(false)}>
              {words.frame.cancel}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

function Choice({
  request,
  planned,
  onDone,
}: {
  request: Request;
  planned: Appointment | null;
  onDone: (message: string) => void;
}) {
  const words = useWords();
  const { language } = useLanguage();
  const { colon } = useWording(PUNCTUATION);
  const [move, moving] = useChange(MoveAppointment, (data) => data.moveAppointment);
  const [book, booking] = useChange(BookAppointment, (data) => data.bookAppointment);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const confirm = async (slot: string) => {
    const { success, problem, refusal } = planned
      ? await move({ appointment: planned.id, slot })
      : await book({ request: request.id, slot });
    setProblem(problem);
    if (success) return onDone(planned ? words.request.moved : words.request.booked);
    const next = refusal?.__typename === "SlotUnavailableError" ? refusal.nextAvailable : null;
    // It is of the same schedule.
    setChosen((before) => (next ? { ...next, place: before?.place ?? "" } : null));
  };
  return (
    <section aria-label={words.request.moveTitle} className="card">
      <h3>{words.request.moveTitle}</h3>
      <SlotPicker
        procedure={request.procedure.slug}
        schedules={request.procedure.schedules}
        chosen={chosen?.id ?? null}
        heading="h4"
        onChoose={(slot, schedule) => setChosen({ ...slot, place: `${schedule.title} – ${schedule.place}` })}
      />
      <ProblemNotice problem={problem} />
      {chosen && (
        <div className="notice" role="status" data-testid="slot-detail">
          <p>
            <strong>{words.request.detail}</strong>
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
            {words.request.confirmMove}
          </button>
        </div>
      )}
    </section>
  );
}

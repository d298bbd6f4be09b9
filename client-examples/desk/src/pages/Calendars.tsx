import { dayOf, endOfDay, readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange, useConnected, useFollow, useRead } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  CloseSlots,
  DaySlots,
  type DaySlotsQuery,
  NextAvailable,
  SlotChanges,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { Link, useSearchParams } from "wouter";
import { PublishSlots } from "../calendars/PublishSlots.tsx";
import { SaveSchedule } from "../calendars/SaveSchedule.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useDeskEvents } from "../events.tsx";
import { useFrame } from "../frame.tsx";
import { useSoon } from "../useSoon.ts";
import { useWords } from "../wording.ts";

const REFRESH_MILLISECONDS = 500;

type Slot = Extract<NonNullable<DaySlotsQuery["node"]>, { slots: unknown }>["slots"][number];

/**
 * A day of a schedule: every slot, who comes, and closing one; administrators publish slots and write schedules.
 *
 * Both are in the address: they are there again when it is loaded again, or come back to.
 */
export default function Calendars() {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const { desk } = useFrame();
  const [search, setSearch] = useSearchParams();
  const chosen = desk.schedules.find(({ id }) => id === search.get("agenda")) ?? desk.schedules[0];
  const schedule = chosen?.id ?? "";
  const day = dayIn(search) ?? dayOf(new Date());
  const read = useRead();
  const [noneFree, setNoneFree] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = (to: { agenda?: string; jour?: string }) => {
    setNoneFree(false);
    setProblem(null);
    setSearch((before) => ({ ...Object.fromEntries(before), ...to }), { replace: true });
  };
  const goToNextFree = async () => {
    const { data, problem } = await read(NextAvailable, { schedule, after: endOfDay(day) });
    setProblem(problem);
    const next = data?.node && "firstAvailableSlot" in data.node ? data.node.firstAvailableSlot : null;
    if (next) go({ jour: dayOf(new Date(next.start)) });
    else setNoneFree(problem === null);
  };
  const [opened, setOpened] = useState<"publish" | "new" | "change" | null>(null);
  const [{ data, error, fetching }, execute] = useQuery({
    query: DaySlots,
    variables: { schedule, day },
    pause: schedule === "",
    requestPolicy: "network-only",
  });
  const reload = () => execute({ requestPolicy: "network-only" });
  // Who is nobody is told of slots, too, but not of who comes.
  const slots = data?.desk && data.node && "slots" in data.node ? data.node.slots : null;
  // Who comes may change while the day is looked at.
  const reloadSoon = useSoon(reload, REFRESH_MILLISECONDS);
  useFollow(SlotChanges, schedule === "" ? null : { schedule, from: day, to: day }, reloadSoon);
  // A draft that is sent takes no other place than it held; now it has a name.
  useDeskEvents((event) => {
    if (event.__typename.startsWith("Appointment")) reloadSoon();
  });
  useConnected(reloadSoon);
  const close = () => setOpened(null);
  const mayClose =
    desk.agent.role === "ADMINISTRATOR" ||
    desk.agent.procedures.some((procedure) => procedure.schedules.some(({ id }) => id === schedule));
  return (
    <DeskPage title={words.calendars.title}>
      <div className="filters">
        <Labelled path="schedule" label={words.calendars.schedule}>
          {(described) => (
            <select {...described} value={schedule} onChange={(event) => go({ agenda: event.target.value })}>
              {desk.schedules.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.title} – {each.place}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <div className="day-picker">
          <button type="button" className="button-icon" onClick={() => go({ jour: move(day, -1) })}>
            <Icon name="previous" label={words.calendars.previous} />
          </button>
          <Labelled path="day" label={words.calendars.day}>
            {(described) => (
              <input
                {...described}
                type="date"
                value={day}
                onChange={(event) => event.target.value && go({ jour: event.target.value })}
              />
            )}
          </Labelled>
          <button type="button" className="button-icon" onClick={() => go({ jour: move(day, 1) })}>
            <Icon name="next" label={words.calendars.next} />
          </button>
        </div>
        {schedule !== "" && (
          <div className="next-free">
            <button type="button" className="button-second" onClick={goToNextFree}>
              {words.calendars.nextFree}
            </button>
            <span role="status">{noneFree && words.calendars.noneFree}</span>
          </div>
        )}
      </div>
      <ProblemNotice problem={problem} />
      {desk.agent.role === "ADMINISTRATOR" && (
        <div className="actions">
          {chosen && (
            <>
              <button type="button" className="button" onClick={() => setOpened("publish")}>
                {words.calendars.publish}
              </button>
              <button type="button" className="button-second" onClick={() => setOpened("change")}>
                {words.calendars.changeSchedule}
              </button>
            </>
          )}
          <button type="button" className="button-second" onClick={() => setOpened("new")}>
            {words.calendars.newSchedule}
          </button>
        </div>
      )}
      {schedule === "" && <p className="quiet">{words.calendars.noSchedule}</p>}
      {schedule !== "" && !slots && (
        <Waiting error={error} nobody={data?.desk === null} onTryAgain={reload} />
      )}
      {slots && (
        <section aria-labelledby="day-shown" aria-busy={fetching}>
          <h2 id="day-shown">{readableDay(`${day}T12:00:00Z`, language)}</h2>
          <p role="status" className="for-screen-readers">
            {readableDay(`${day}T12:00:00Z`, language)}
            {colon}
            {words.calendars.slotCount(slots.length)}
          </p>
          <Day slots={slots} mayClose={mayClose} onChange={reload} />
        </section>
      )}
      {opened === "publish" && (
        <PublishSlots schedule={schedule} day={day} onClose={close} onPublished={reload} />
      )}
      {(opened === "new" || opened === "change") && (
        <SaveSchedule
          schedule={opened === "change" ? (chosen ?? null) : null}
          onClose={close}
          onSaved={(id) => go({ agenda: id })}
        />
      )}
    </DeskPage>
  );
}

interface DayProperties {
  slots: readonly Slot[];
  /** Whether the agent handles a procedure of this schedule. */
  mayClose: boolean;
  onChange: () => void;
}

function Day({ slots, mayClose, onChange }: DayProperties) {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const [closing, setClosing] = useState<Slot | null>(null);
  if (slots.length === 0) return <p className="quiet">{words.calendars.none}</p>;
  return (
    <>
      {!mayClose && <p className="quiet">{words.calendars.notYours}</p>}
      <ul className="plain day">
        {slots.map((slot) => (
          <li key={slot.id} className="card">
            <div>
              <strong>
                {readableTime(slot.start, language)}–{readableTime(slot.end, language)}
              </strong>{" "}
              <span className="quiet">
                {slot.closed ? words.calendars.closed : words.calendars.free(slot.remaining, slot.capacity)}
              </span>
              <ul>
                {slot.appointments.map(({ id, request }) => (
                  <li key={id}>
                    <Link href={`/demandes/${request.id}`}>
                      {request.contact
                        ? `${request.contact.firstName} ${request.contact.lastName}`
                        : request.ticket}
                    </Link>{" "}
                    <span className="quiet">
                      {request.procedure.title} {request.contact?.mobilePhone}
                    </span>
                  </li>
                ))}
              </ul>
            </div>
            {mayClose && !slot.closed && Date.parse(slot.start) > Date.now() && (
              <button type="button" className="button-icon" onClick={() => setClosing(slot)}>
                <Icon
                  name="close"
                  label={`${words.calendars.close}${colon}${readableTime(slot.start, language)}`}
                />
              </button>
            )}
          </li>
        ))}
      </ul>
      {closing && <Closing slot={closing} onClose={() => setClosing(null)} onClosed={onChange} />}
    </>
  );
}

function Closing({ slot, onClose, onClosed }: { slot: Slot; onClose: () => void; onClosed: () => void }) {
  const words = useWords();
  const announce = useAnnounce();
  const [close, busy] = useChange(CloseSlots, (data) => data.closeSlots);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await close({ slots: [slot.id], reason: reason.trim() || null });
    setProblem(problem);
    if (!success) return;
    announce(
      success.slots.every((each) => each.closed)
        ? words.calendars.closedNow(success.cancelled)
        : words.calendars.hasBegun,
    );
    onClose();
    onClosed();
  };
  return (
    <Dialog title={words.calendars.closeTitle} onClose={onClose}>
      <form onSubmit={send} noValidate>
        <p>{words.calendars.closeText}</p>
        <ProblemNotice problem={problem} />
        <Labelled path="reason" label={words.calendars.reason}>
          {(described) => (
            <input
              {...described}
              maxLength={1000}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Labelled>
        <Actions label={words.calendars.close} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

/** The day in the address; null where there is none, or none that a calendar has. */
function dayIn(search: URLSearchParams): string | null {
  const day = search.get("jour") ?? "";
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(Date.parse(day)) && move(day, 0) === day;
  return isDay ? day : null;
}

function move(day: string, by: number): string {
  const date = new Date(`${day}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() + by);
  return date.toISOString().slice(0, 10);
}

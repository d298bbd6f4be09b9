import { useCallback, useEffect, useRef, useState } from "react";
import { dayOf, readableDay, readableDays, readableTime } from "../dates.ts";
import { useConnected, useFollow, useRead } from "../door.tsx";
import { Icon } from "../elements/Icon.tsx";
import { ProblemNotice } from "../elements/Notice.tsx";
import { Labelled } from "../form/Labelled.tsx";
import { MUNICIPALITY_LANGUAGE, useLanguage, useWording } from "../language.tsx";
import { FirstAvailable, ScheduleMonth, SlotChanges } from "../operations.ts";
import type { Problem } from "../outcome.ts";
import { WORDING } from "./wording.ts";

const DAYS = 7;

export interface Slot {
  id: string;
  start: string;
  end: string;
}

interface Change extends Slot {
  remaining: number;
  closed: boolean;
}

export interface Schedule {
  id: string;
  title: string;
  place: string;
}

interface Properties {
  procedure: string;
  schedules: readonly Schedule[];
  /** The slot that is shown as chosen. */
  chosen: (Slot & { schedule: { id: string } }) | null;
  /** What is chosen is kept for them: free to them, and to nobody else. */
  held?: boolean;
  /** Where the appointment is now: its week comes first, in its schedule. */
  current: { start: string; schedule: { id: string } } | null;
  /** The slot that is chosen was closed. */
  onClosed?: () => void;
  onChoose: (slot: Slot, schedule: Schedule) => void;
  /** Of the days, below that of where it stands. */
  heading: "h3" | "h4";
}

/** A week of free slots at a time, 1er dispo, and what others take and free meanwhile. */
export function SlotPicker({
  procedure,
  schedules,
  chosen,
  held = false,
  current,
  onClosed,
  onChoose,
  heading: Heading,
}: Properties) {
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  const read = useRead();
  const [scheduleId, setScheduleId] = useState(current?.schedule.id ?? schedules[0]?.id ?? "");
  const [from, setFrom] = useState(() =>
    later(dayOf(new Date()), current ? dayOf(new Date(current.start)) : ""),
  );
  const [slots, setSlots] = useState<Slot[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [none, setNone] = useState(false);
  const to = addDays(from, DAYS - 1);
  const schedule = schedules.find((each) => each.id === scheduleId);

  const asked = useRef(0);
  const told = useRef(new Map<string, Change>());
  const load = useCallback(async () => {
    if (!scheduleId) return;
    asked.current += 1;
    const mine = asked.current;
    told.current.clear();
    const { data, problem } = await read(ScheduleMonth, { schedule: scheduleId, from, to });
    // Answers may overtake each other: that of a week which is not shown any more is none.
    if (mine !== asked.current) return;
    setProblem(problem);
    // What was told meanwhile may be newer than what was read.
    if (data?.node && "slots" in data.node)
      setSlots([...told.current.values()].reduce(withChange, data.node.slots));
  }, [read, scheduleId, from, to]);
  // Followed first, read next, and read again at each connection: nothing is taken between the two without being seen.
  useFollow(
    SlotChanges,
    scheduleId ? { schedule: scheduleId, from, to } : null,
    ({ slotChanges: changed }) => {
      told.current.set(changed.id, changed);
      setSlots((before) => before && withChange(before, changed));
      if (changed.closed && changed.id === chosen?.id) onClosed?.();
    },
  );
  useConnected(load);
  useEffect(() => {
    setSlots(null);
    load();
  }, [load]);

  const own = held ? chosen : null;
  const pressed = useRef<HTMLButtonElement>(null);
  const led = useRef<string | null>(null);
  // Once its week has come, and it is chosen.
  useEffect(() => {
    if (!pressed.current || led.current !== chosen?.id) return;
    led.current = null;
    pressed.current.scrollIntoView({ block: "nearest" });
  });
  const goToFirst = async () => {
    const { data, problem } = await read(FirstAvailable, { procedure, after: null });
    setProblem(problem);
    if (data === null) return;
    const free = data.procedure?.firstAvailableSlot ?? null;
    const first = own && (free === null || own.start <= free.start) ? own : free;
    setNone(first === null);
    if (first === null) return;
    led.current = first.id;
    setScheduleId(first.schedule.id);
    setFrom(dayOf(new Date(first.start)));
    const found = schedules.find((each) => each.id === first.schedule.id);
    if (found) onChoose(first, found);
  };
  const isOwnShown = own?.schedule.id === scheduleId && isBetween(dayOf(new Date(own.start)), from, to);
  const days = slots === null ? [] : byDay(isOwnShown ? withSlot(slots, own) : slots);
  const today = dayOf(new Date());
  return (
    <div className="slot-picker">
      <ProblemNotice problem={problem} />
      {schedules.length > 1 && (
        <Labelled path="schedule" label={wording.place}>
          {(described) => (
            <select {...described} value={scheduleId} onChange={(event) => setScheduleId(event.target.value)}>
              {schedules.map((each) => (
                <option key={each.id} value={each.id} lang={MUNICIPALITY_LANGUAGE}>
                  {each.title} – {each.place}
                </option>
              ))}
            </select>
          )}
        </Labelled>
      )}
      <div className="slot-picker-head">
        <button type="button" className="button-second" onClick={goToFirst}>
          {wording.firstAvailable}
        </button>
        <div className="slot-week">
          <button
            type="button"
            className="button-icon"
            disabled={from <= today}
            onClick={() => setFrom(later(today, addDays(from, -DAYS)))}
          >
            <Icon name="previous" label={wording.previousWeek} />
          </button>
          <p aria-live="polite">{readableDays(from, to, language)}</p>
          <button type="button" className="button-icon" onClick={() => setFrom(addDays(from, DAYS))}>
            <Icon name="next" label={wording.nextWeek} />
          </button>
        </div>
      </div>
      {none && <p role="status">{wording.noFirst}</p>}
      {slots === null && problem === null && <p className="quiet">{wording.loading}</p>}
      {slots !== null && days.length === 0 && <p className="quiet">{wording.noSlots}</p>}
      {days.map(([day, slotsOfDay]) => (
        <section key={day} className="slot-day">
          <Heading>{readableDay(slotsOfDay[0]?.start ?? day, language)}</Heading>
          <ul>
            {slotsOfDay.map((slot) => (
              <li key={slot.id}>
                <button
                  ref={slot.id === chosen?.id ? pressed : undefined}
                  type="button"
                  className="slot"
                  aria-pressed={slot.id === chosen?.id}
                  onClick={() => schedule && onChoose(slot, schedule)}
                >
                  {readableTime(slot.start, language)}
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** The free slots, after one of them was taken or freed. */
function withChange(slots: Slot[], changed: Change): Slot[] {
  const isFree = changed.remaining > 0 && !changed.closed && new Date(changed.start) > new Date();
  return isFree ? withSlot(slots, changed) : slots.filter((slot) => slot.id !== changed.id);
}

function withSlot(slots: readonly Slot[], slot: Slot): Slot[] {
  const others = slots.filter((each) => each.id !== slot.id);
  return [...others, slot].sort((a, b) => a.start.localeCompare(b.start));
}

function byDay(slots: readonly Slot[]): [string, Slot[]][] {
  const days = new Map<string, Slot[]>();
  for (const slot of slots) {
    const day = dayOf(new Date(slot.start));
    days.set(day, [...(days.get(day) ?? []), slot]);
  }
  return [...days];
}

function addDays(day: string, days: number): string {
  const date = new Date(`${day}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}

function isBetween(day: string, first: string, last: string): boolean {
  return first <= day && day <= last;
}

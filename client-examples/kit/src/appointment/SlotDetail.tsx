import { type ReactNode, type Ref, useId } from "react";
import { readableDay, readableTime } from "../dates.ts";
import { MUNICIPALITY_LANGUAGE, useLanguage, useWording } from "../language.tsx";
import { PUNCTUATION } from "../punctuation.ts";
import { WORDING } from "./wording.ts";

interface Properties {
  slot: { start: string; end: string };
  place: string;
  kind?: "information" | "success" | "warning";
  /** What else is to be known of it. */
  children?: ReactNode;
  /** What is done with it. */
  action?: ReactNode;
  ref: Ref<HTMLDivElement>;
}

/** The slot that is chosen. Whoever chooses one is led here, by the focus: then all of it is read, and Tab leads on. */
export function SlotDetail({ slot, place, kind = "information", children, action, ref }: Properties) {
  const wording = useWording(WORDING);
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const id = useId();
  return (
    <div
      ref={ref}
      role="group"
      tabIndex={-1}
      aria-labelledby={id}
      className={`notice notice-${kind}`}
      data-testid="slot-detail"
    >
      <div id={id}>
        <p>
          <strong>{wording.chosen}</strong>
          {colon}
          {readableDay(slot.start, language)}, {readableTime(slot.start, language)}–
          {readableTime(slot.end, language)}
          <br />
          <span lang={MUNICIPALITY_LANGUAGE}>{place}</span>
        </p>
        {children}
      </div>
      {action}
    </div>
  );
}

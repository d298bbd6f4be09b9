import { WORDING } from "@espace-citoyens/kit/appointment/wording.ts";
import { readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { useWords } from "../wording.ts";
import { NextSlotOffer } from "./NextSlotOffer.tsx";
import type { Draft } from "./useDraft.ts";
import { useHold } from "./useHold.ts";

interface Properties {
  draft: Draft;
  ended: boolean;
  reload: () => Promise<void>;
  /** A slot is held again. */
  onHeld: () => void;
  /** Leads to where another one is chosen; null where that is here. */
  onChoose: (() => void) | null;
}

/** Tells, in whatever step somebody is, that their slot is held no longer, and offers to choose again. */
export function HoldEnded({ draft, ended, reload, onHeld, onChoose }: Properties) {
  const words = useWords();
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  const announce = useAnnounce();
  const { hold, holdFirst, busy, problem, next } = useHold(draft, reload);
  const day = (instant: string) => readableDay(instant, language);
  const time = (instant: string) => readableTime(instant, language);
  const [held] = draft.appointments;
  const until = ended ? held?.heldUntil : null;
  const go = async (holding: ReturnType<typeof hold>) => {
    const got = await holding;
    if (got === null) return;
    announce(words.filling.held(day(got.slot.start), time(got.slot.start)));
    onHeld();
  };
  return (
    <div className={until ? "notice notice-warning" : undefined}>
      {/* There before it has anything to say: what comes into a live region is read, the region itself is not. */}
      <p role="status" className={until ? undefined : "for-screen-readers"}>
        {held && until && words.filling.holdEnded(day(held.slot.start), time(held.slot.start), time(until))}
      </p>
      {held && until && (
        <>
          <ProblemNotice problem={problem}>
            <NextSlotOffer next={next} onTake={(slot) => go(hold(slot))} />
          </ProblemNotice>
          <div className="actions">
            <button type="button" className="button-second" disabled={busy} onClick={() => go(holdFirst())}>
              {wording.firstAvailable}
            </button>
            <button
              type="button"
              className="button-second"
              disabled={busy}
              onClick={() => go(hold(held.slot.id))}
            >
              {words.filling.keepSlot}
            </button>
            {onChoose && (
              <button type="button" className="button-quiet" onClick={onChoose}>
                {words.filling.chooseSlot}
              </button>
            )}
          </div>
        </>
      )}
    </div>
  );
}

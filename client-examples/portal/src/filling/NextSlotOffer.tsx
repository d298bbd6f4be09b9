import { readableDay, readableTime } from "@espace-citoyens/kit/dates.ts";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { useWords } from "../wording.ts";
import type { NextSlot } from "./useHold.ts";

/** The slot to take instead of one that is no longer free. */
export function NextSlotOffer({ next, onTake }: { next: NextSlot | null; onTake: (slot: string) => void }) {
  const words = useWords();
  const { language } = useLanguage();
  if (next === null) return null;
  return (
    <p>
      {words.filling.nextSlot(readableDay(next.start, language), readableTime(next.start, language))}{" "}
      <button type="button" className="button-second" onClick={() => onTake(next.id)}>
        {words.filling.takeIt}
      </button>
    </p>
  );
}

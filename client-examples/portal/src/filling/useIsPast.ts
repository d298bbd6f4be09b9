import { useEffect, useState } from "react";

const LOOK_MILLISECONDS = 1000;

/** Whether an instant has come. Looked at again and again: no timer runs while a laptop sleeps. Null: never. */
export function useIsPast(instant: string | null): boolean {
  const [past, setPast] = useState<string | null>(null);
  useEffect(() => {
    if (instant === null) return;
    const look = () => setPast(Date.parse(instant) <= Date.now() ? instant : null);
    look();
    const timer = setInterval(look, LOOK_MILLISECONDS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [instant]);
  // Of this very instant: where another slot is held meanwhile, what was seen of the one before says nothing.
  return instant !== null && past === instant;
}

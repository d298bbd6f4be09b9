import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** Where the focus goes once something is done, and what had it is gone: a place, and what brings the focus there. */
export function useFocusAfter<Place extends HTMLElement>(): [RefObject<Place | null>, () => void] {
  const place = useRef<Place>(null);
  const [times, setTimes] = useState(0);
  // After the dialog in which it was done, which gives the focus back to what opened it.
  useEffect(() => {
    if (times > 0) place.current?.focus();
  }, [times]);
  return [place, useCallback(() => setTimes((before) => before + 1), [])];
}

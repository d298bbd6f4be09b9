import { type RefObject, useEffect, useRef, useState } from "react";

interface Steps<Item, List> {
  shown: readonly Item[];
  /** Shows a step more; null where all is shown. */
  showMore: (() => void) | null;
  beginAgain: () => void;
  list: RefObject<List | null>;
}

/**
 * A long list that is there already, a step at a time: nobody passes by three hundred on the way to what follows.
 *
 * The focus goes on from the button that asked for more to the first of it, of all that `focusable` finds in the list.
 */
export function useSteps<Item, List extends HTMLElement>(
  items: readonly Item[],
  step: number,
  focusable: string,
): Steps<Item, List> {
  const [most, setMost] = useState(step);
  const list = useRef<List>(null);
  useEffect(() => {
    if (most > step) list.current?.querySelectorAll<HTMLElement>(focusable)[most - step]?.focus();
  }, [most, step, focusable]);
  return {
    shown: items.slice(0, most),
    showMore: items.length > most ? () => setMost(most + step) : null,
    beginAgain: () => setMost(step),
    list,
  };
}

import { useCallback, useEffect, useRef } from "react";

/**
 * Does something once no button or finger is down, and the click that this ends in is dealt with: what a message pushes away from
 * under a press on its way is not clicked.
 */
export function useAfterPress(): (action: () => void) => void {
  const pressed = useRef(false);
  const waiting = useRef<(() => void)[]>([]);
  const settle = useCallback(() => {
    if (!pressed.current) for (const action of waiting.current.splice(0)) action();
  }, []);
  useEffect(() => {
    const press = () => {
      pressed.current = true;
    };
    const release = () => {
      pressed.current = false;
      setTimeout(settle);
    };
    const released = ["pointerup", "pointercancel", "dragend"];
    addEventListener("pointerdown", press, true);
    for (const each of released) addEventListener(each, release, true);
    return () => {
      removeEventListener("pointerdown", press, true);
      for (const each of released) removeEventListener(each, release, true);
    };
  }, [settle]);
  return useCallback(
    (action) => {
      waiting.current.push(action);
      setTimeout(settle);
    },
    [settle],
  );
}

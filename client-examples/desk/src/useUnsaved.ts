import { type RefObject, useEffect, useRef } from "react";

/** While `current` is true, nobody leaves the page without being asked: by a link, by the browser's arrows, or for good. */
export function useUnsaved(question: string, initially = false): RefObject<boolean> {
  const unsaved = useRef(initially);
  useEffect(() => {
    const ask = (event: NavigateEvent) => {
      const leaves = event.cancelable && !event.hashChange && event.downloadRequest === null;
      if (unsaved.current && leaves && !window.confirm(question)) event.preventDefault();
    };
    // What leads out of the site is asked by the browser, in its own words.
    const warn = (event: BeforeUnloadEvent) => {
      if (unsaved.current) event.preventDefault();
    };
    // Browsers of some years ago have no `navigation`: there, links and arrows ask nothing.
    window.navigation?.addEventListener("navigate", ask);
    addEventListener("beforeunload", warn);
    return () => {
      window.navigation?.removeEventListener("navigate", ask);
      removeEventListener("beforeunload", warn);
    };
  }, [question]);
  return unsaved;
}

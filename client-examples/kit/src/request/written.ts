import { useCallback, useSyncExternalStore } from "react";
import { keep, readKept } from "../kept.ts";

const KEY = "espace-citoyens-written";
const listeners = new Set<() => void>();

/** By what it is for; of this tab alone. */
function written(): Record<string, string> {
  return readKept<Record<string, string>>(KEY, {}, "tab");
}

/** What somebody is writing to the other side of a request: there again whenever they come back to it in this tab.
 * `place` is the request's id, with what else it is than an exchange. */
export function useWritten(place: string): [string, (change: (text: string) => string) => void] {
  const text = useSyncExternalStore(listen, () => written()[place] ?? "");
  const change = useCallback(
    (change: (text: string) => string) => {
      const { [place]: before = "", ...others } = written();
      const text = change(before);
      write(text === "" ? others : { ...others, [place]: text });
    },
    [place],
  );
  return [text, change];
}

/** Whoever logs out leaves no word behind. */
export function forgetWritten(): void {
  write({});
}

function write(texts: Record<string, string>): void {
  keep(KEY, Object.keys(texts).length === 0 ? null : texts, "tab");
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Until its tab is closed, or as long as the browser likes. */
export type Keeper = "device" | "tab";

/** What a browser refused to keep: with its storage full or forbidden, it lasts as long as the page. */
const refused: Record<Keeper, Map<string, unknown>> = { device: new Map(), tab: new Map() };

/** What was kept under this key; `fallback` where there is nothing, or nothing that can be read. Never throws. */
export function readKept<T>(key: string, fallback: T, keeper: Keeper = "device"): T {
  if (refused[keeper].has(key)) return (refused[keeper].get(key) as T | null) ?? fallback;
  try {
    const found = storage(keeper).getItem(key);
    return found === null ? fallback : (JSON.parse(found) as T);
  } catch (error) {
    console.warn(`What was kept as “${key}” cannot be read`, error);
    return fallback;
  }
}

/** Keeps what JSON can hold, in the browser or, where that refuses, in the page. Null: forgets it. Never throws. */
export function keep(key: string, value: unknown, keeper: Keeper = "device"): void {
  try {
    if (value === null) storage(keeper).removeItem(key);
    else storage(keeper).setItem(key, JSON.stringify(value));
    refused[keeper].delete(key);
  } catch (error) {
    console.warn(`“${key}” is kept by this page alone`, error);
    refused[keeper].set(key, value);
  }
}

/** Raises where the browser forbids it. */
function storage(keeper: Keeper): Storage {
  return keeper === "device" ? localStorage : sessionStorage;
}

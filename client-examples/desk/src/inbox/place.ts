import { useHistoryState } from "wouter/use-browser-location";

/** How far the list is open, and which request is gone back to in it: the first of `near` that is still there. */
export interface Place {
  pages: number;
  near: readonly string[];
}

/** A list as it was when a request of it was opened: whoever goes through it keeps its order, whatever changes meanwhile. */
export interface List {
  /** The filter, as it stands in the address. */
  search: string;
  pages: number;
  /** Ids, page by page; `after` is the cursor of what follows them, if anything does. */
  listed: readonly (readonly string[])[];
  after: string | null;
}

/** What an entry of the browser's history remembers: each its own, over a reload too. */
interface Kept {
  place?: Place;
  list?: List;
}

const TOP: Place = { pages: 1, near: [] };

export function usePlace(): Place {
  return useHistoryState<Kept | null>()?.place ?? TOP;
}

export function keepPlace(place: Place): void {
  history.replaceState({ place } satisfies Kept, "");
}

/** The list that the page was come to from, if it was. */
export function useList(): List | null {
  return useHistoryState<Kept | null>()?.list ?? null;
}

/** Where a link to a request of the list leads, and what is remembered there. */
export function toRequest(list: List, id: string): { href: string; state: Kept } {
  return { href: `/demandes/${id}`, state: { list } };
}

/** Back to the list as it was, at this request. */
export function toList(list: List, id: string): { href: string; state: Kept } {
  return {
    href: list.search ? `/?${list.search}` : "/",
    state: { place: { pages: Math.max(list.pages, list.listed.length), near: nearTo(id, list) } },
  };
}

/** The request, then those after it, then those before it: it may have left the list since. */
export function nearTo(id: string, { listed }: List): string[] {
  const ids = listed.flat();
  const at = ids.indexOf(id);
  return [...ids.slice(at), ...ids.slice(0, at).reverse()];
}

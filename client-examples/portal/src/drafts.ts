/** Drafts of a visitor: on this device, until they are sent. Their ticket opens them again. */
export interface KeptDraft {
  ticket: string;
  title: string;
}

const KEY = "drafts";
const MOST = 10;

export function keptDrafts(): KeptDraft[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch (error) {
    // Somebody else wrote there: what we kept is gone, and the tickets are in the address bar's history.
    console.warn("Drafts cannot be read", error);
    return [];
  }
}

export function keepDraft(draft: KeptDraft): void {
  const others = keptDrafts().filter((each) => each.ticket !== draft.ticket);
  localStorage.setItem(KEY, JSON.stringify([draft, ...others].slice(0, MOST)));
}

export function forgetDraft(ticket: string): void {
  localStorage.setItem(KEY, JSON.stringify(keptDrafts().filter((each) => each.ticket !== ticket)));
}

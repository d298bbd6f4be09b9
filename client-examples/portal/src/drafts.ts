import { keep, readKept } from "@espace-citoyens/kit/kept.ts";
import { forgetPending } from "./filling/pending.ts";

/** Drafts of a visitor: on this device, until they are sent. Their ticket opens them again. */
export interface KeptDraft {
  ticket: string;
  title: string;
}

/** Where a draft was left on this device, with or without an account: the server keeps what was filled in, not where. */
interface Left {
  draft: string;
  step: string;
}

const DRAFTS = "drafts";
const LEFT = "steps";
const MOST = 10;

export function keptDrafts(): KeptDraft[] {
  return kept(DRAFTS);
}

export function keepDraft(draft: KeptDraft): void {
  const others = keptDrafts().filter((each) => each.ticket !== draft.ticket);
  keep(DRAFTS, [draft, ...others].slice(0, MOST));
}

/** The step at which the draft with this id was left, as the address names it. */
export function leftStep(draft: string): string | null {
  return kept<Left>(LEFT).find((each) => each.draft === draft)?.step ?? null;
}

export function keepStep(draft: string, step: string): void {
  const others = kept<Left>(LEFT).filter((each) => each.draft !== draft);
  keep(LEFT, [{ draft, step }, ...others].slice(0, MOST));
}

/** It was sent or thrown away. `ticket`: of whoever has opened it by that. */
export function forgetDraft(draft: string, ticket: string | null): void {
  forgetPending(draft);
  keep(
    LEFT,
    kept<Left>(LEFT).filter((each) => each.draft !== draft),
  );
  if (ticket !== null) forgetTicket(ticket);
}

/** It is a draft no longer, wherever that was decided. */
export function forgetTicket(ticket: string): void {
  const kept = keptDrafts();
  const others = kept.filter((each) => each.ticket !== ticket);
  if (others.length < kept.length) keep(DRAFTS, others);
}

function kept<Entry>(key: string): Entry[] {
  const found = readKept<unknown>(key, []);
  return Array.isArray(found) ? found : [];
}

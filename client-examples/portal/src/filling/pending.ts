import { keep, readKept } from "@espace-citoyens/kit/kept.ts";
import type { AnswerValue } from "@espace-citoyens/kit/operations.ts";

/**
 * What was typed into drafts on this device and no server has acknowledged: by draft, then by the path of the field. Null: taken back.
 *
 * It outlives the page, the network and the session, and each field is written alone: two tabs keep what each of them was given.
 */
interface Typed {
  draft: string;
  values: Record<string, AnswerValue | null>;
}

const KEY = "pending";
const MOST = 10;

export function pendingOf(draft: string): [string, AnswerValue | undefined][] {
  return Object.entries(valuesOf(draft)).map(([path, value]) => [path, value ?? undefined]);
}

export function keepPending(draft: string, path: string, value: AnswerValue | undefined): void {
  write(draft, { ...valuesOf(draft), [path]: value ?? null });
}

/** The server has this value. Another that was typed since, here or in another tab, goes on waiting. */
export function acknowledge(draft: string, path: string, value: AnswerValue | undefined): void {
  const { [path]: kept, ...others } = valuesOf(draft);
  if (JSON.stringify(kept) === JSON.stringify(value ?? null)) write(draft, others);
}

/** It was sent or thrown away. */
export function forgetPending(draft: string): void {
  write(draft, {});
}

/** Whoever logs out leaves no word behind. */
export function forgetAllPending(): void {
  keep(KEY, null);
}

function valuesOf(draft: string): Typed["values"] {
  return all().find((each) => each.draft === draft)?.values ?? {};
}

function write(draft: string, values: Typed["values"]): void {
  const others = all().filter((each) => each.draft !== draft);
  const entry = Object.keys(values).length > 0 ? [{ draft, values }] : [];
  keep(KEY, [...entry, ...others].slice(0, MOST));
}

function all(): Typed[] {
  const found = readKept<unknown>(KEY, []);
  return Array.isArray(found) ? found : [];
}

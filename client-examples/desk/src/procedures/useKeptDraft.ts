import { useWritten } from "@espace-citoyens/kit/request/written.ts";
import { useRef } from "react";
import { draftAgain, type ProcedureDraft } from "./draft.ts";

interface Kept {
  draft: ProcedureDraft;
  /** The version on which it was written. */
  version: number | null;
}

interface KeptDraft {
  /** What was there when the page was opened. */
  found: Kept | null;
  keep: (kept: Kept) => void;
  forget: () => void;
}

/** What is written on a procedure and not saved: there again in this tab, until it is saved or somebody logs out. */
export function useKeptDraft(slug: string): KeptDraft {
  const [text, write] = useWritten(`procedure ${slug}`);
  const found = useRef<Kept | null | undefined>(undefined);
  if (found.current === undefined) {
    const kept = text === "" ? null : (JSON.parse(text) as Kept);
    found.current = kept && { ...kept, draft: draftAgain(kept.draft) };
  }
  return {
    found: found.current,
    keep: (kept) => write(() => JSON.stringify(kept)),
    forget: () => write(() => ""),
  };
}

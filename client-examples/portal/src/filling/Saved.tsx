import { useWords } from "../wording.ts";
import type { Saving } from "./useDraft.ts";

/** Whether what was typed is kept, and what of it is not. `unsaved`: what its fields are called. */
export function Saved({ saving, unsaved }: { saving: Saving; unsaved: readonly string[] }) {
  const words = useWords();
  return (
    <>
      <p className="saving" role="status" data-saving={saving}>
        {saving === "waiting" ? words.filling.waiting(unsaved.join(", ")) : words.filling[saving]}
      </p>
      {(saving === "saved" || saving === "saving") && <p className="quiet">{words.filling.draftKept}</p>}
    </>
  );
}

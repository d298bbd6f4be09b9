import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useState } from "react";
import { useWords } from "./wording.ts";

/** Puts a text on the clipboard; false where the browser does not let it, as on a page without https. */
async function putOnClipboard(text: string): Promise<boolean> {
  if (!navigator.clipboard) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Copies a text, and says whether that was possible. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const words = useWords().once;
  const [told, setTold] = useState("");
  return (
    <div className="actions">
      <button
        type="button"
        className="button-second"
        onClick={async () => setTold((await putOnClipboard(text)) ? words.copied : words.notCopied)}
      >
        {label}
      </button>
      <span role="status">{told}</span>
    </div>
  );
}

/** What is shown this once: to be read, selected as a whole, or copied. */
export function Once({ path, label, text }: { path: string; label: string; text: string }) {
  const words = useWords().once;
  return (
    <div className="once">
      <Labelled path={path} label={label}>
        {({ id }) => (
          <input
            id={id}
            readOnly
            spellCheck={false}
            value={text}
            onFocus={(event) => event.target.select()}
          />
        )}
      </Labelled>
      <CopyButton text={text} label={words.copy} />
    </div>
  );
}

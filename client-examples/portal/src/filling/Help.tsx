import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Markdown } from "@espace-citoyens/kit/elements/Markdown.tsx";
import { useState } from "react";
import { useWords } from "../wording.ts";

/** Aide à la saisie, at the top right of each step. */
export function Help({ help }: { help: string | null }) {
  const words = useWords();
  const [opened, setOpened] = useState(false);
  return (
    <>
      <button type="button" className="button-quiet help-link" onClick={() => setOpened(true)}>
        <Icon name="help" />
        {words.filling.help}
      </button>
      {opened && (
        <Dialog title={words.filling.help} onClose={() => setOpened(false)}>
          {help ? <Markdown text={help} /> : <p>{words.filling.noHelp}</p>}
          <div className="actions">
            <button type="button" className="button" onClick={() => setOpened(false)}>
              {words.filling.close}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

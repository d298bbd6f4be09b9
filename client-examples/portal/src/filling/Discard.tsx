import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { CancelRequest } from "@espace-citoyens/kit/operations.ts";
import { useState } from "react";
import { useLocation } from "wouter";
import { forgetDraft } from "../drafts.ts";
import { useWords } from "../wording.ts";

/** Abandonner cette demande, asked once more before it is done. */
export function Discard({ id }: { id: string }) {
  const words = useWords();
  const { ticket } = useDoor();
  const [, navigate] = useLocation();
  const [asked, setAsked] = useState(false);
  const [cancel] = useChange(CancelRequest, (data) => data.cancelRequest);
  return (
    <>
      <button type="button" className="button-quiet" onClick={() => setAsked(true)}>
        {words.filling.discard}
      </button>
      {asked && (
        <Dialog title={words.filling.discardConfirm} onClose={() => setAsked(false)}>
          <div className="actions">
            <button
              type="button"
              className="button"
              onClick={async () => {
                const { success } = await cancel({ request: id });
                setAsked(false);
                if (!success) return;
                forgetDraft(id, ticket);
                navigate("/");
              }}
            >
              {words.filling.discard}
            </button>
            <button type="button" className="button-quiet" onClick={() => setAsked(false)}>
              {words.frame.cancel}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

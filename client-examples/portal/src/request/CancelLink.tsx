import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { CancelRequest } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useWords } from "../wording.ts";

/** Annuler ma demande: done once a message was confirmed. */
export function CancelLink({ request, onCancelled }: { request: string; onCancelled: () => void }) {
  const words = useWords();
  const [cancel, busy] = useChange(CancelRequest, (data) => data.cancelRequest);
  const [asked, setAsked] = useState(false);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const close = () => setAsked(false);
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await cancel({ request, reason: reason.trim() || null });
    setProblem(problem);
    if (!success) return;
    close();
    onCancelled();
  };
  return (
    <>
      <button type="button" className="button-quiet" onClick={() => setAsked(true)}>
        {words.request.cancel}
      </button>
      {asked && (
        <Dialog title={words.request.cancelTitle} onClose={close}>
          <form onSubmit={confirm} noValidate>
            <p>{words.request.cancelText}</p>
            <ProblemNotice problem={problem} />
            <Labelled
              path="reason"
              label={words.request.reason}
              messages={messagesAt(problem?.fields ?? [], "reason")}
            >
              {(described) => (
                <textarea
                  {...described}
                  rows={3}
                  maxLength={1000}
                  value={reason}
                  onChange={(event) => setReason(event.target.value)}
                />
              )}
            </Labelled>
            <Actions
              label={words.request.confirmCancel}
              busy={busy}
              cancel={words.request.keep}
              onCancel={close}
            />
          </form>
        </Dialog>
      )}
    </>
  );
}

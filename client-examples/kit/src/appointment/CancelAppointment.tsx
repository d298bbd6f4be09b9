import { useState } from "react";
import { useChange } from "../door.tsx";
import { Dialog } from "../elements/Dialog.tsx";
import { ProblemNotice } from "../elements/Notice.tsx";
import { useWording } from "../language.tsx";
import { CancelAppointment as Cancel } from "../operations.ts";
import type { Problem } from "../outcome.ts";
import { WORDING } from "./wording.ts";

/** Gives the place of an appointment back, once it was asked whether that is meant. */
export function CancelAppointment({ appointment, onDone }: { appointment: string; onDone: () => void }) {
  const wording = useWording(WORDING);
  const [cancel, busy] = useChange(Cancel, (data) => data.cancelAppointment);
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const confirm = async () => {
    const { success, problem } = await cancel({ appointment });
    setProblem(problem);
    if (!success) return;
    setAsked(false);
    onDone();
  };
  return (
    <>
      <button type="button" className="button-quiet" onClick={() => setAsked(true)}>
        {wording.cancel}
      </button>
      {asked && (
        <Dialog title={wording.cancelTitle} onClose={() => setAsked(false)}>
          <ProblemNotice problem={problem} />
          <div className="actions">
            <button type="button" className="button" disabled={busy} onClick={confirm}>
              {wording.cancel}
            </button>
            <button type="button" className="button-quiet" onClick={() => setAsked(false)}>
              {wording.keep}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

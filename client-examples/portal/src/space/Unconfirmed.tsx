import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { ResendConfirmation } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import { useWords } from "../wording.ts";

/** The account's address is not confirmed yet: the mail that does it, once more. */
export function Unconfirmed({ email }: { email: string }) {
  const words = useWords();
  const [resend, busy] = useChange(ResendConfirmation, (data) => data.resendConfirmation);
  const [sent, setSent] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  return (
    <>
      <Notice kind="warning">
        <p>{words.space.unconfirmed(email)}</p>
        <button
          type="button"
          className="button-second"
          aria-disabled={busy}
          onClick={async () => {
            if (busy) return;
            const { success, problem } = await resend({});
            setSent(success !== null);
            setProblem(problem);
          }}
        >
          {words.space.resendConfirmation}
        </button>
      </Notice>
      <div role="status">{sent && <p>{words.space.confirmationSent(email)}</p>}</div>
      <ProblemNotice problem={problem} />
    </>
  );
}

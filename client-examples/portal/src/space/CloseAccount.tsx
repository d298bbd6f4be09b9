import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import { DeleteAccount } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { useWords } from "../wording.ts";

/** Closes the account, the password shown again; the home page then says until when the mairie can open it again. */
export function CloseAccount({ hasPassword }: { hasPassword: boolean }) {
  const words = useWords();
  const { reopen } = useDoor();
  const [, navigate] = useLocation();
  const [close, busy] = useChange(DeleteAccount, (data) => data.deleteAccount);
  const [asked, setAsked] = useState(false);
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const leave = () => {
    setAsked(false);
    setPassword("");
    setProblem(null);
  };
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await close({ password });
    setProblem(problem);
    if (!success) return;
    navigate("/", { state: { erasedAt: success.erasedAt } });
    reopen();
  };
  return (
    <section>
      <h2>{words.closing.title}</h2>
      <p>{words.closing.text}</p>
      <button type="button" className="button-second" onClick={() => setAsked(true)}>
        {words.closing.close}
      </button>
      {asked && (
        <Dialog title={words.closing.confirmTitle} onClose={leave}>
          <form onSubmit={confirm} noValidate>
            <p>{words.closing.confirmText}</p>
            <ProblemNotice problem={problem} />
            {hasPassword && (
              <PasswordField
                path="closingPassword"
                label={words.account.currentPassword}
                required
                value={password}
                onChange={setPassword}
              />
            )}
            <Actions label={words.closing.confirm} busy={busy} cancel={words.closing.keep} onCancel={leave} />
          </form>
        </Dialog>
      )}
    </section>
  );
}

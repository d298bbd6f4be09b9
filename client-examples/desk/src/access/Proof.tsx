import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useWords } from "../wording.ts";

interface Properties {
  title: string;
  text: string;
  action: string;
  /** Whether a code is asked for, too. */
  withCode: boolean;
  /** What is done with them; the problem, where it was refused. */
  onProved: (password: string, oneTimeCode: string) => Promise<Problem | null>;
  onClose: () => void;
}

/** Asks agents for their password, and for a code, before something that others must not do in their place. */
export function Proof({ title, text, action, withCode, onProved, onClose }: Properties) {
  const words = useWords();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(await onProved(password, code.trim()));
    setBusy(false);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={send} noValidate>
        <p>{text}</p>
        <ProblemNotice problem={problem} />
        <PasswordField
          path="proof-password"
          label={words.access.password}
          value={password}
          onChange={setPassword}
        />
        {withCode && (
          <Labelled path="proof-code" label={words.logIn.code} help={words.logIn.codeHelp}>
            {(described) => (
              <input
                {...described}
                autoComplete="one-time-code"
                className="medium"
                value={code}
                onChange={(event) => setCode(event.target.value)}
              />
            )}
          </Labelled>
        )}
        <Actions label={action} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

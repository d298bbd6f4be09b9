import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
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
        <Labelled path="proof-password" label={words.access.password}>
          {(described) => (
            <input
              {...described}
              type="password"
              autoComplete="current-password"
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Labelled>
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
        <div className="actions">
          <button type="submit" className="button" disabled={busy}>
            {action}
          </button>
          <button type="button" className="button-quiet" onClick={onClose}>
            {words.frame.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

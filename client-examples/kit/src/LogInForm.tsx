import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useChange } from "./door.tsx";
import { ProblemNotice } from "./elements/Notice.tsx";
import { Labelled } from "./form/Labelled.tsx";
import { PasswordField } from "./form/PasswordField.tsx";
import { UsernameField } from "./form/UsernameField.tsx";
import { type Language, useWording } from "./language.tsx";
import { LogIn, type LogInMutation } from "./operations.ts";
import type { Problem } from "./outcome.ts";

export type Opened = Extract<LogInMutation["logIn"], { __typename: "LogInSuccess" }>;

interface Properties {
  className?: string;
  /** What the session that was opened leads to, or why it leads nowhere here. */
  onOpened: (opened: Opened) => Promise<Problem | null> | Problem | null;
  /** What stands beside the button. */
  children?: ReactNode;
}

/** Opens a session by cookie: username and password, and the code of a second factor once they were right and there is one. */
export function LogInForm({ className, onOpened, children }: Properties) {
  const wording = useWording(WORDING);
  const [logIn, busy] = useChange(LogIn, (data) => data.logIn);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [needsCode, setNeedsCode] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const codeInput = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (needsCode) codeInput.current?.focus();
  }, [needsCode]);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem, refusal } = await logIn({
      username,
      password,
      delivery: "COOKIE",
      oneTimeCode: code.trim() || null,
    });
    // Asked for once the password was right: that is no mistake yet.
    const asked = refusal?.__typename === "SecondFactorRequiredError" && !refusal.codeRejected;
    setNeedsCode(needsCode || refusal?.__typename === "SecondFactorRequiredError");
    setProblem(success ? await onOpened(success) : asked ? null : problem);
  };
  return (
    <form className={className} onSubmit={send} noValidate>
      <ProblemNotice problem={problem} />
      <UsernameField path="username" label={wording.username} value={username} onChange={setUsername} />
      <PasswordField path="password" label={wording.password} value={password} onChange={setPassword} />
      {needsCode && (
        <Labelled path="code" label={wording.code} help={wording.codeHelp}>
          {(described) => (
            <input
              {...described}
              ref={codeInput}
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
          {wording.logIn}
        </button>
        {children}
      </div>
    </form>
  );
}

const fr = {
  username: "Nom d’utilisateur",
  password: "Mot de passe",
  code: "Code à usage unique",
  codeHelp: "Celui de votre application d’authentification, ou un code de secours.",
  logIn: "Se connecter",
};

const en: typeof fr = {
  username: "Username",
  password: "Password",
  code: "One-time code",
  codeHelp: "The one of your authenticator program, or a recovery code.",
  logIn: "Log in",
};

const WORDING: Record<Language, typeof fr> = { fr, en };

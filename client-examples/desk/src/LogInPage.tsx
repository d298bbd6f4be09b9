import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { LogIn, LogOut } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useWords } from "./wording.ts";

export function LogInPage({ municipality }: { municipality: string }) {
  const words = useWords();
  const { reopen } = useDoor();
  const [logIn, busy] = useChange(LogIn, (data) => data.logIn);
  const [logOut] = useChange(LogOut, (data) => ({
    __typename: "LogOutSuccess" as const,
    done: data.logOut,
  }));
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
    setProblem(asked ? null : problem);
    if (!success) return;
    if (success.agent) reopen();
    else {
      await logOut({});
      setProblem({ code: "NOT_ALLOWED", message: words.logIn.notAnAgent, fields: [] });
    }
  };
  return (
    <main className="main">
      <Page title={words.logIn.title} site={municipality}>
        <form className="card narrow" onSubmit={send} noValidate>
          <ProblemNotice problem={problem} />
          <Labelled path="username" label={words.logIn.username}>
            {(described) => (
              <input
                {...described}
                autoComplete="username"
                autoCapitalize="none"
                spellCheck={false}
                value={username}
                onChange={(event) => setUsername(event.target.value)}
              />
            )}
          </Labelled>
          <Labelled path="password" label={words.logIn.password}>
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
          {needsCode && (
            <Labelled path="code" label={words.logIn.code} help={words.logIn.codeHelp}>
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
          <button type="submit" className="button" disabled={busy}>
            {words.logIn.logIn}
          </button>
        </form>
      </Page>
    </main>
  );
}

import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { LogIn } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { IdentityLogIns } from "./IdentityLogIns.tsx";
import { takeWayBack } from "./wayBack.ts";
import { useWords } from "./wording.ts";

/** Opens a session by cookie, and leads on to `to`; by default, the page stays and shows itself to who is logged in. */
export function LogInForm({ to }: { to?: string }) {
  const words = useWords();
  const { reopen } = useDoor();
  const [, navigate] = useLocation();
  const [logIn, busy] = useChange(LogIn, (data) => data.logIn);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await logIn({ username, password, delivery: "COOKIE" });
    setProblem(problem);
    if (!success) return;
    if (success.agent) location.assign("/mairie/");
    else {
      // Whoever had begun at a provider has come in by the other door.
      takeWayBack();
      if (to) navigate(to);
      reopen();
    }
  };
  return (
    <>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} />
        <Labelled path="username" label={words.home.username}>
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
        <Labelled path="password" label={words.home.password}>
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
        <div className="actions">
          <button type="submit" className="button" disabled={busy}>
            {words.home.logIn}
          </button>
          <Link href="/mot-de-passe-oublie">{words.home.forgotten}</Link>
        </div>
      </form>
      <IdentityLogIns text={words.identity.or} label={words.identity.logIn} />
    </>
  );
}

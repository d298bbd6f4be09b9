import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { LogIn } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { useWords } from "./wording.ts";

/** Opens a session by cookie. `onDone` hears whether the password was a temporary one. */
export function LogInForm({ onDone }: { onDone: (mustChangePassword: boolean) => void }) {
  const words = useWords();
  const { reopen } = useDoor();
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
      onDone(success.mustChangePassword);
      reopen();
    }
  };
  return (
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
  );
}

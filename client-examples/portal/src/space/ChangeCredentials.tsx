import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { ChangeCredentials as Change, PasswordRules } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { useWords } from "../wording.ts";

interface Properties {
  /** Logged in with a temporary password: another one has to be chosen. */
  must: boolean;
  username: string;
  onDone: () => void;
}

type Typed = Record<"currentPassword" | "username" | "password" | "again", string>;

/** Modifier les identifiants de mon compte citoyen. */
export function ChangeCredentials({ must, username, onDone }: Properties) {
  const words = useWords();
  const { reopen } = useDoor();
  const [{ data }] = useQuery({ query: PasswordRules });
  const [change, busy] = useChange(Change, (answer) => answer.changeCredentials);
  const [typed, setTyped] = useState<Typed>({ currentPassword: "", username, password: "", again: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (typed.password !== typed.again) {
      const different = { path: "again", message: words.account.different };
      setProblem({ code: "VALIDATION", message: words.account.different, fields: [different] });
      return;
    }
    const { success, problem } = await change({
      currentPassword: typed.currentPassword,
      username: typed.username === username ? null : typed.username,
      password: typed.password || null,
    });
    setProblem(problem);
    if (!success) return;
    onDone();
    reopen();
  };
  const field = (name: keyof Typed, label: string, autoComplete: string, help: string | null = null) => (
    <Labelled
      path={name}
      label={label}
      help={help}
      messages={messagesAt(problem?.fields ?? [], name)}
      required={name === "currentPassword" || (must && name !== "username")}
    >
      {(described) => (
        <input
          {...described}
          type={name === "username" ? "text" : "password"}
          autoComplete={autoComplete}
          autoCapitalize="none"
          spellCheck={false}
          value={typed[name]}
          onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
        />
      )}
    </Labelled>
  );
  const advice = data?.municipality.passwords.advice ?? words.account.passwordHelp;
  return (
    <form onSubmit={send} noValidate>
      {must && <Notice kind="warning">{words.account.mustChange}</Notice>}
      <ProblemNotice problem={problem} />
      {field("currentPassword", words.account.currentPassword, "current-password")}
      {!must && field("username", words.account.username, "username")}
      {field("password", words.account.newPassword, "new-password", advice)}
      {field("again", words.account.passwordAgain, "new-password")}
      <button type="submit" className="button" disabled={busy}>
        {words.frame.save}
      </button>
    </form>
  );
}

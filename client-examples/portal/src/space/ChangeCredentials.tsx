import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import { usePasswordAdvice } from "@espace-citoyens/kit/form/usePasswordAdvice.ts";
import { ChangeCredentials as Change } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { useFrame } from "../frame.tsx";
import { NewUsername } from "../NewUsername.tsx";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

type Typed = Record<"currentPassword" | "username" | "password" | "again", string>;

/** Modifier les identifiants de mon compte citoyen: wanted, or asked of whoever has a mailed password. */
export default function ChangeCredentials() {
  const words = useWords();
  const { me, mustChangePassword: must } = useFrame();
  const [, navigate] = useLocation();
  const username = me?.username ?? "";
  const { reopen } = useDoor();
  const advice = usePasswordAdvice();
  const [change, busy] = useChange(Change, (answer) => answer.changeCredentials);
  const [typed, setTyped] = useState<Typed>({ currentPassword: "", username, password: "", again: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const [suggestions, setSuggestions] = useState<readonly string[]>([]);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (typed.password !== typed.again) {
      const different = { path: "again", message: words.account.different };
      setProblem({ code: "VALIDATION", message: words.account.different, fields: [different] });
      return;
    }
    const { success, problem, refusal } = await change({
      currentPassword: typed.currentPassword,
      username: typed.username === username ? null : typed.username,
      password: typed.password || null,
    });
    setProblem(problem);
    setSuggestions(refusal?.__typename === "UsernameTakenError" ? refusal.suggestions : []);
    if (!success) return;
    navigate("/mon-espace?identifiants");
    reopen();
  };
  const field = (
    name: Exclude<keyof Typed, "username">,
    label: string,
    autoComplete: "current-password" | "new-password",
    help: string | null = null,
  ) => (
    <PasswordField
      path={name}
      label={label}
      help={help}
      messages={messagesAt(problem?.fields ?? [], name)}
      required={name === "currentPassword" || must}
      autoComplete={autoComplete}
      value={typed[name]}
      onChange={(password) => setTyped({ ...typed, [name]: password })}
    />
  );
  return (
    <SitePage title={words.account.changeTitle}>
      <form onSubmit={send} noValidate>
        {must && <Notice kind="warning">{words.account.mustChange}</Notice>}
        <ProblemNotice problem={problem} />
        {field("currentPassword", words.account.currentPassword, "current-password")}
        {!must && (
          <NewUsername
            value={typed.username}
            onChange={(username) => setTyped({ ...typed, username })}
            problem={problem}
            suggestions={suggestions}
          />
        )}
        {field("password", words.account.newPassword, "new-password", advice)}
        {field("again", words.account.passwordAgain, "new-password")}
        <button type="submit" className="button" disabled={busy}>
          {words.frame.save}
        </button>
      </form>
    </SitePage>
  );
}

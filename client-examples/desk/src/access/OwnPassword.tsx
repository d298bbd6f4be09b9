import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import { usePasswordAdvice } from "@espace-citoyens/kit/form/usePasswordAdvice.ts";
import { ChangePassword } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useWords } from "../wording.ts";

type Typed = Record<"currentPassword" | "password" | "again", string>;

/** The password of the agent who is logged in: whoever has made the account knows the first one. */
export function OwnPassword({ onChanged }: { onChanged: () => void }) {
  const words = useWords().access;
  const announce = useAnnounce();
  const [changing, setChanging] = useState(false);
  return (
    <>
      <p>{words.passwordText}</p>
      <button type="button" className="button-second" onClick={() => setChanging(true)}>
        {words.changePassword}
      </button>
      {changing && (
        <Change
          onClose={() => setChanging(false)}
          onDone={() => {
            setChanging(false);
            announce(words.passwordChanged);
            onChanged();
          }}
        />
      )}
    </>
  );
}

function Change({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const words = useWords();
  const advice = usePasswordAdvice();
  const [change, busy] = useChange(ChangePassword, (answer) => answer.changePassword);
  const [typed, setTyped] = useState<Typed>({ currentPassword: "", password: "", again: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (typed.password !== typed.again) {
      const message = words.access.different;
      setProblem({ code: "VALIDATION", message, fields: [{ path: "again", message }] });
      return;
    }
    const { success, problem } = await change({
      currentPassword: typed.currentPassword,
      password: typed.password,
    });
    setProblem(problem);
    if (success) onDone();
  };
  const field = (
    name: keyof Typed,
    label: string,
    autoComplete: "current-password" | "new-password",
    help: string | null = null,
  ) => (
    <PasswordField
      path={name}
      label={label}
      help={help}
      messages={messagesAt(problem?.fields ?? [], name)}
      required
      autoComplete={autoComplete}
      value={typed[name]}
      onChange={(password) => setTyped({ ...typed, [name]: password })}
    />
  );
  return (
    <Dialog title={words.access.changePassword} onClose={onClose}>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} />
        {field("currentPassword", words.access.currentPassword, "current-password")}
        {field("password", words.access.newPassword, "new-password", advice)}
        {field("again", words.access.passwordAgain, "new-password")}
        <Actions label={words.frame.save} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

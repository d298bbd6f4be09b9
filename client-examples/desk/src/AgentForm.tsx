import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import { usePasswordAdvice } from "@espace-citoyens/kit/form/usePasswordAdvice.ts";
import { type AgentRole, type DeskAgentsQuery, SaveAgent } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { ProcedureChoices } from "./procedures/ProcedureChoices.tsx";
import { useWords } from "./wording.ts";

export type Agent = NonNullable<DeskAgentsQuery["desk"]>["agents"][number];

interface Properties {
  agent: Agent | null;
  onClose: () => void;
  onSaved: () => void;
}

/** Writes an agent: a new one, or what is to change of one who is there. */
export function AgentForm({ agent, onClose, onSaved }: Properties) {
  const words = useWords();
  const advice = usePasswordAdvice();
  const [save, busy] = useChange(SaveAgent, (data) => data.saveAgent);
  const [displayName, setDisplayName] = useState(agent?.displayName ?? "");
  const [role, setRole] = useState<AgentRole>(agent?.role ?? "HANDLER");
  const [username, setUsername] = useState(agent?.username ?? "");
  const [password, setPassword] = useState("");
  const [active, setActive] = useState(agent?.active ?? true);
  const [procedures, setProcedures] = useState<readonly string[]>(
    agent?.procedures.map((procedure) => procedure.slug) ?? [],
  );
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await save({
      input: {
        id: agent?.id ?? null,
        displayName,
        role,
        username: username.trim() || null,
        password: password || null,
        procedures: [...procedures],
        active,
      },
    });
    setProblem(problem);
    if (!success) return;
    onSaved();
    onClose();
  };
  const at = (path: string) => messagesAt(problem?.fields ?? [], path);
  return (
    <Dialog title={agent ? words.agents.change(agent.displayName) : words.agents.add} onClose={onClose}>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} />
        <Labelled path="displayName" label={words.agents.name} messages={at("displayName")} required>
          {(described) => (
            <input
              {...described}
              value={displayName}
              onChange={(event) => setDisplayName(event.target.value)}
            />
          )}
        </Labelled>
        <Labelled path="role" label={words.agents.role}>
          {(described) => (
            <select
              {...described}
              value={role}
              onChange={(event) => setRole(event.target.value as AgentRole)}
            >
              {Object.entries(words.settings.roles).map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <Labelled
          path="username"
          label={words.agents.username}
          messages={at("username")}
          required={agent === null}
        >
          {(described) => (
            <input
              {...described}
              autoComplete="off"
              value={username}
              onChange={(event) => setUsername(event.target.value)}
            />
          )}
        </Labelled>
        <PasswordField
          path="password"
          label={words.agents.password}
          help={agent && advice ? `${advice} ${words.agents.keepPassword}` : advice}
          messages={at("password")}
          required={agent === null}
          autoComplete="new-password"
          value={password}
          onChange={setPassword}
        />
        <label className="option">
          <input type="checkbox" checked={active} onChange={(event) => setActive(event.target.checked)} />
          {words.agents.active}
        </label>
        {role === "HANDLER" && (
          <ProcedureChoices
            label={words.agents.procedures}
            messages={at("procedures")}
            chosen={procedures}
            onChange={setProcedures}
          />
        )}
        <Actions label={words.frame.save} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

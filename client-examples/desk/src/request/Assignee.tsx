import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { SteadyButton } from "@espace-citoyens/kit/elements/SteadyButton.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { AssignRequest, type DeskRequestQuery } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";

type Request = NonNullable<DeskRequestQuery["request"]>;

interface Properties {
  request: Request;
  /** With the version that the request has since. */
  onAssigned: (version: number) => void;
  reload: () => void;
}

/** Who is in charge of a request: one of those who may be, or nobody. */
export function Assignee({ request, onAssigned, reload }: Properties) {
  const words = useWords().request;
  const announce = useAnnounce();
  const me = useFrame().desk.agent.id;
  const [assign, busy] = useChange(AssignRequest, (data) => data.assignRequest);
  const [chosen, setChosen] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { assignee, permittedAssignees: permitted } = request;
  const assigned = assignee?.id ?? "";
  const agent = chosen ?? assigned;
  const isPermitted = (id: string) => permitted.some((each) => each.id === id);
  // Whoever is in charge and may no longer be is shown as such.
  const offered = assignee && !isPermitted(assignee.id) ? [assignee, ...permitted] : permitted;
  const give = async (to: string) => {
    const { success, problem } = await assign({ request: request.id, agent: to || null });
    setProblem(problem);
    if (success) {
      announce(words.assigned(success.request.assignee?.displayName ?? words.nobody));
      setChosen(null);
      onAssigned(success.request.version);
    }
    if (problem?.code !== "NETWORK") reload();
  };
  // Not at each choice: the keyboard passes by everybody on the way to somebody.
  const send = (event: FormEvent) => {
    event.preventDefault();
    give(agent);
  };
  return (
    <section className="card">
      <h2>{words.assignment}</h2>
      <ProblemNotice problem={problem} labels={{ agent: words.assign }} />
      <form onSubmit={send} noValidate>
        <Labelled path="agent" label={words.assign} messages={messagesAt(problem?.fields ?? [], "agent")}>
          {(described) => (
            <select {...described} value={agent} onChange={(event) => setChosen(event.target.value)}>
              <option value="">{words.nobody}</option>
              {offered.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.displayName}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <div className="actions">
          <SteadyButton type="submit" className="button" idle={busy || agent === assigned}>
            {words.putInCharge}
          </SteadyButton>
          {isPermitted(me) && (
            <SteadyButton
              type="button"
              className="button-second"
              idle={busy || assigned === me}
              onClick={() => give(me)}
            >
              {words.toMe}
            </SteadyButton>
          )}
        </div>
      </form>
    </section>
  );
}

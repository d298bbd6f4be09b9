import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { SteadyButton } from "@espace-citoyens/kit/elements/SteadyButton.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import {
  ChangeRequestStatus,
  type DeskRequestQuery,
  type RequestStatus,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useWritten } from "@espace-citoyens/kit/request/written.ts";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
import { type FormEvent, useState } from "react";
import { useStatuses } from "../statuses.ts";
import { useWords } from "../wording.ts";

type Request = NonNullable<DeskRequestQuery["request"]>;

/** The status that was chosen, and the request as it stood on the screen then: what is read since is no part of the choice. */
export interface StatusChoice {
  status: RequestStatus;
  version: number;
  permitted: readonly RequestStatus[];
}

interface Properties {
  request: Request;
  choice: StatusChoice | null;
  onChoose: (choice: StatusChoice | null) => void;
  /** What somebody else did to the request since then, in a sentence. */
  news: string;
  reload: () => void;
}

/** Brings a request to another status, with a reason. A choice that somebody else was quicker than is made anew. */
export function Status({ request, choice, onChoose, news, reload }: Properties) {
  const words = useWords().request;
  const statuses = useStatuses();
  const announce = useAnnounce();
  const [change, busy] = useChange(ChangeRequestStatus, (data) => data.changeRequestStatus);
  const [reason, setReason] = useWritten(`${request.id}/reason`);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [select, focusSelect] = useFocusAfter<HTMLSelectElement>();
  const overtaken = choice !== null && choice.version < request.version;
  const choose = (status: RequestStatus | "") => {
    if (problem?.code === "CONFLICT") setProblem(null);
    const { version, permitted } = choice ?? {
      version: request.version,
      permitted: request.permittedStatuses,
    };
    onChoose(status === "" ? null : { status, version, permitted });
  };
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (choice === null) return;
    const { success, problem } = await change({
      request: request.id,
      version: choice.version,
      status: choice.status,
      reason: reason.trim() || null,
    });
    const conflict = problem?.code === "CONFLICT";
    setProblem(conflict ? { ...problem, message: words.changed } : problem);
    if (success) {
      announce(words.statusNow(statuses[success.request.status]));
      // Whoever went on typing meanwhile keeps that.
      setReason((now) => (now === reason ? "" : now));
    }
    if (success || conflict) onChoose(null);
    if (problem?.code !== "NETWORK") reload();
  };
  return (
    <section className="card">
      <h2>{words.changeStatus}</h2>
      {overtaken && (
        <Notice kind="warning">
          <p>{words.overtaken(statuses[request.status])}</p>
          {news && <p>{news}</p>}
          <button
            type="button"
            className="button-second"
            onClick={() => {
              onChoose(null);
              focusSelect();
            }}
          >
            {words.chooseAgain}
          </button>
        </Notice>
      )}
      <ProblemNotice problem={problem} labels={{ reason: words.reason }}>
        {problem?.code === "CONFLICT" && news && <p>{news}</p>}
      </ProblemNotice>
      <form onSubmit={send} noValidate>
        <Labelled path="status" label={words.newStatus}>
          {(described) => (
            <select
              {...described}
              ref={select}
              value={choice?.status ?? ""}
              onChange={(event) => choose(event.target.value as RequestStatus | "")}
            >
              <option value="" />
              {(choice?.permitted ?? request.permittedStatuses).map((each) => (
                <option key={each} value={each}>
                  {statuses[each]}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <Labelled path="reason" label={words.reason} messages={messagesAt(problem?.fields ?? [], "reason")}>
          {(described) => (
            <textarea
              {...described}
              rows={2}
              value={reason}
              onChange={(event) => setReason(() => event.target.value)}
            />
          )}
        </Labelled>
        <SteadyButton type="submit" className="button" idle={busy || choice === null}>
          {words.change}
        </SteadyButton>
      </form>
    </section>
  );
}

import { useChange, useRead } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskProcedure, SaveProcedure } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { Link } from "wouter";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";
import { draftOf, inputOf } from "./draft.ts";
import type { Procedure } from "./every.ts";

interface Properties {
  procedure: Procedure;
  onProblem: (problem: Problem | null) => void;
}

/** A procedure in the list; administrators open and close it here, and follow its name to write on it. */
export function ProcedureLine({ procedure, onProblem }: Properties) {
  const words = useWords().procedures;
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const { desk, reloadProcedures } = useFrame();
  const read = useRead();
  const [save, busy] = useChange(SaveProcedure, (data) => data.saveProcedure);
  const { title, slug, state, version } = procedure;
  const writes = desk.agent.role === "ADMINISTRATOR";
  const action = state === "OPEN" ? words.close : words.open;
  // All of it is saved as it was read just before, but for its state: that makes no other version.
  const change = async () => {
    if (busy) return;
    const { data, problem } = await read(DeskProcedure, { slug });
    if (!data?.procedure) return onProblem(problem);
    const input = inputOf({ ...draftOf(data.procedure), state: state === "OPEN" ? "CLOSED" : "OPEN" });
    const answer = await save({
      input: { ...input, id: data.procedure.id, version: data.procedure.version },
    });
    onProblem(answer.problem);
    if (!answer.success) return;
    announce((state === "OPEN" ? words.closed : words.opened)(title));
    reloadProcedures();
  };
  return (
    <li className="procedure-line">
      {writes ? <Link href={`/demarches/${slug}`}>{title}</Link> : <span>{title}</span>}{" "}
      <span className="quiet">
        {words.states[state]}, {words.version(version)}
      </span>{" "}
      {writes && (
        <button
          type="button"
          className="button-quiet"
          aria-label={`${action}${colon}${title}`}
          onClick={change}
        >
          {action}
        </button>
      )}
    </li>
  );
}

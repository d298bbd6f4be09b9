import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useWords } from "../wording.ts";

interface Properties {
  path: string;
  typed: string;
  onType: (typed: string) => void;
  /** How many are left. */
  found: number;
}

/** What narrows a list of procedures while somebody types, and says how many are left. */
export function ProcedureSearch({ path, typed, onType, found }: Properties) {
  const words = useWords().procedures;
  return (
    <>
      <Labelled path={path} label={words.search}>
        {(described) => (
          <input
            {...described}
            type="search"
            autoComplete="off"
            value={typed}
            onChange={(event) => onType(event.target.value)}
            // The list has followed already: in a form, Enter would send that.
            onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
          />
        )}
      </Labelled>
      <p role="status" className="quiet">
        {words.found(found)}
      </p>
    </>
  );
}

import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { SearchProcedures } from "@espace-citoyens/kit/operations.ts";
import { type FormEvent, useDeferredValue, useRef, useState } from "react";
import { useQuery } from "urql";
import { Procedures, type ReadAfter } from "./Procedures.tsx";
import { useAddressed } from "./useAddressed.ts";
import { useWords } from "./wording.ts";

const LEAST_LETTERS = 2;

/** Rechercher un formulaire: what is found is there as it is typed, and when the page is come back to. */
export function ProcedureSearch() {
  const words = useWords();
  const [sought, setSought] = useAddressed("recherche");
  const typed = sought ?? "";
  const [asked, setAsked] = useState(false);
  const results = useRef<HTMLDivElement>(null);
  const search = useDeferredValue(typed.trim());
  const tooShort = search.length < LEAST_LETTERS;
  const [{ data }] = useQuery({ query: SearchProcedures, variables: { search }, pause: tooShort });
  const found = tooShort ? null : data?.procedures;
  // The magnifying glass leads to what is there already.
  const goToResults = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    results.current?.focus();
  };
  return (
    <search>
      <form className="search" onSubmit={goToResults}>
        <Labelled path="search" label={words.catalogue.search}>
          {(described) => (
            <span className="search-box">
              <input
                {...described}
                type="search"
                maxLength={200}
                value={typed}
                onChange={(event) => {
                  setSought(event.target.value || null);
                  setAsked(false);
                }}
              />
              <button type="submit" className="button">
                <Icon name="search" label={words.catalogue.find} />
              </button>
            </span>
          )}
        </Labelled>
      </form>
      <div ref={results} role="status" tabIndex={-1}>
        {asked && tooShort && <p>{words.catalogue.tooShort}</p>}
        {found && <p>{words.catalogue.found(found.totalCount)}</p>}
        {found?.totalCount === 0 && <p className="quiet">{words.catalogue.noneFound}</p>}
      </div>
      {found && found.nodes.length > 0 && (
        <Procedures key={search} first={found} readAfter={searchedAfter(search)} className="card" />
      )}
    </search>
  );
}

const searchedAfter =
  (search: string): ReadAfter =>
  async (read, after) => {
    const { data, problem } = await read(SearchProcedures, { search, after });
    return { page: data?.procedures, problem };
  };

import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import {
  Catalogue as CatalogueQuery,
  CategoryProcedures,
  SearchProcedures,
} from "@espace-citoyens/kit/operations.ts";
import { type FormEvent, useDeferredValue, useRef, useState } from "react";
import { useQuery } from "urql";
import { Procedures, type ReadAfter } from "../Procedures.tsx";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

const LEAST_LETTERS = 2;

export default function Catalogue() {
  const words = useWords();
  const [{ data, error }, execute] = useQuery({ query: CatalogueQuery });
  return (
    <SitePage title={words.catalogue.title}>
      <Search />
      <h2>{words.catalogue.themes}</h2>
      {data ? (
        <div className="themes">
          {data.procedureCategories.map((category) => (
            <section key={category.id} className="card">
              <h3>{category.title}</h3>
              <Procedures first={category.procedures} readAfter={ofThemeAfter(category.id)} />
            </section>
          ))}
        </div>
      ) : (
        <Waiting error={error} onTryAgain={() => execute({ requestPolicy: "network-only" })} />
      )}
    </SitePage>
  );
}

function Search() {
  const words = useWords();
  const [typed, setTyped] = useState("");
  const [asked, setAsked] = useState(false);
  const results = useRef<HTMLDivElement>(null);
  const search = useDeferredValue(typed.trim());
  const tooShort = search.length < LEAST_LETTERS;
  const [{ data }] = useQuery({ query: SearchProcedures, variables: { search }, pause: tooShort });
  const found = tooShort ? null : data?.procedures;
  // What is found is there as it is typed: the magnifying glass leads to it.
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
                  setTyped(event.target.value);
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

const ofThemeAfter =
  (category: string): ReadAfter =>
  async (read, after) => {
    const { data, problem } = await read(CategoryProcedures, { category, after });
    const theme = data?.node;
    return { page: theme && "procedures" in theme ? theme.procedures : undefined, problem };
  };

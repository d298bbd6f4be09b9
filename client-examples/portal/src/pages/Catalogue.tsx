import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { MUNICIPALITY_LANGUAGE } from "@espace-citoyens/kit/language.tsx";
import { Catalogue as CatalogueQuery, CategoryProcedures } from "@espace-citoyens/kit/operations.ts";
import { useEffect } from "react";
import { useQuery } from "urql";
import { ProcedureSearch } from "../ProcedureSearch.tsx";
import { Procedures, type ReadAfter } from "../Procedures.tsx";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

export default function Catalogue() {
  const words = useWords();
  const [{ data, error }, execute] = useQuery({ query: CatalogueQuery });
  // Whoever has chosen a theme elsewhere is led to it once it is there.
  useEffect(() => {
    const theme = data && document.getElementById(location.hash.slice(1));
    theme?.scrollIntoView();
    theme?.focus({ preventScroll: true });
  }, [data]);
  return (
    <SitePage title={words.catalogue.title} lead={<ProcedureSearch />}>
      <h2>{words.catalogue.themes}</h2>
      {data ? (
        <div className="themes">
          {data.procedureCategories.map((category) => (
            <section key={category.id} className="card">
              <h3 id={category.slug} tabIndex={-1} lang={MUNICIPALITY_LANGUAGE}>
                {category.title}
              </h3>
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

const ofThemeAfter =
  (category: string): ReadAfter =>
  async (read, after) => {
    const { data, problem } = await read(CategoryProcedures, { category, after });
    const theme = data?.node;
    return { page: theme && "procedures" in theme ? theme.procedures : undefined, problem };
  };

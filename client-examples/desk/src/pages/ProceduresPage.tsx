import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import { Link } from "wouter";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { byCategory } from "../procedures/every.ts";
import { NEW } from "../procedures/new.ts";
import { ProcedureLine } from "../procedures/ProcedureLine.tsx";
import { ProcedureSearch } from "../procedures/ProcedureSearch.tsx";
import { sought } from "../procedures/sought.ts";
import { useWords } from "../wording.ts";

/** Every procedure by theme, drafts and closed ones too; administrators write on one, open and close it. */
export default function ProceduresPage() {
  const words = useWords();
  const { desk, procedures } = useFrame();
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const writes = desk.agent.role === "ADMINISTRATOR";
  const found = sought(
    procedures,
    typed,
    ({ title, slug, category }) => `${title} ${slug} ${category.title}`,
  );
  return (
    <DeskPage title={words.procedures.title}>
      {writes && (
        <Link href={`/demarches/${NEW}`} className="button">
          {words.procedures.add}
        </Link>
      )}
      <search>
        <ProcedureSearch path="recherche" typed={typed} onType={setTyped} found={found.length} />
      </search>
      <ProblemNotice problem={problem} />
      {byCategory(found).map(([category, inside]) => (
        <section key={category.slug}>
          <h2>{category.title}</h2>
          <ul className="plain">
            {inside.map((procedure) => (
              <ProcedureLine key={procedure.id} procedure={procedure} onProblem={setProblem} />
            ))}
          </ul>
        </section>
      ))}
    </DeskPage>
  );
}

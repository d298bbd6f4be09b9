import { Link } from "wouter";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { NEW } from "../procedures/new.ts";
import { useWords } from "../wording.ts";

/** Every procedure, drafts and closed ones too; administrators open one to write on it. */
export default function ProceduresPage() {
  const words = useWords();
  const { desk } = useFrame();
  const writes = desk.agent.role === "ADMINISTRATOR";
  return (
    <DeskPage title={words.procedures.title}>
      {writes && (
        <Link href={`/demarches/${NEW}`} className="button">
          {words.procedures.add}
        </Link>
      )}
      <ul className="plain">
        {desk.procedures.nodes.map((procedure) => (
          <li key={procedure.id} className="procedure-line">
            {writes ? (
              <Link href={`/demarches/${procedure.slug}`}>{procedure.title}</Link>
            ) : (
              <span>{procedure.title}</span>
            )}{" "}
            <span className="quiet">
              {procedure.category.title}, {words.procedures.states[procedure.state]},{" "}
              {words.procedures.version(procedure.version)}
            </span>
          </li>
        ))}
      </ul>
    </DeskPage>
  );
}

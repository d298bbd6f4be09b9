import { LabelledGroup } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useState } from "react";
import { Choice } from "../Choice.tsx";
import { useFrame } from "../frame.tsx";
import { useSteps } from "../useSteps.ts";
import { useWords } from "../wording.ts";
import type { Procedure } from "./every.ts";
import { ProcedureSearch } from "./ProcedureSearch.tsx";
import { sought } from "./sought.ts";

const STEP = 50;

interface Properties {
  label: string;
  help?: string;
  messages: readonly string[];
  /** Slugs. */
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

/** Several procedures of however many there are: by what somebody types, or further down the list. */
export function ProcedureChoices({ label, help, messages, chosen, onChange }: Properties) {
  const words = useWords();
  const { semicolon, colon } = useWording(PUNCTUATION);
  const { procedures } = useFrame();
  const [typed, setTyped] = useState("");
  const found = sought(procedures, typed, ({ title, slug }) => `${title} ${slug}`);
  const titles = procedures.filter(({ slug }) => chosen.includes(slug)).map(({ title }) => title);
  const steps = useSteps<Procedure, HTMLDivElement>(found, STEP, "input");
  return (
    <LabelledGroup path="procedures" label={label} help={help} messages={messages}>
      <ProcedureSearch
        path="procedures.search"
        typed={typed}
        onType={(text) => {
          setTyped(text);
          steps.beginAgain();
        }}
        found={found.length}
      />
      {titles.length > 0 && (
        <p>
          {words.procedures.chosen(titles.length)}
          {colon}
          {titles.join(semicolon)}
        </p>
      )}
      <div ref={steps.list}>
        {steps.shown.map(({ slug, title }) => (
          <Choice key={slug} value={slug} label={title} chosen={chosen} onChange={onChange} />
        ))}
      </div>
      {steps.showMore && (
        <button type="button" className="button-second" onClick={steps.showMore}>
          {words.inbox.more}
        </button>
      )}
    </LabelledGroup>
  );
}

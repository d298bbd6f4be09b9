import { LabelledGroup } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useEffect, useRef, useState } from "react";
import { Choice } from "../Choice.tsx";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";
import { ProcedureSearch } from "./ProcedureSearch.tsx";
import { sought } from "./sought.ts";

/** How many are shown at once: nobody passes by three hundred on the way to the button below. */
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
  const [most, setMost] = useState(STEP);
  const list = useRef<HTMLDivElement>(null);
  const found = sought(procedures, typed, ({ title, slug }) => `${title} ${slug}`);
  const titles = procedures.filter(({ slug }) => chosen.includes(slug)).map(({ title }) => title);
  // The focus goes on from the button that asked for more to the first of it.
  useEffect(() => {
    if (most > STEP) list.current?.querySelectorAll("input")[most - STEP]?.focus();
  }, [most]);
  return (
    <LabelledGroup path="procedures" label={label} help={help} messages={messages}>
      <ProcedureSearch
        path="procedures.search"
        typed={typed}
        onType={(text) => {
          setTyped(text);
          setMost(STEP);
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
      <div ref={list}>
        {found.slice(0, most).map(({ slug, title }) => (
          <Choice key={slug} value={slug} label={title} chosen={chosen} onChange={onChange} />
        ))}
      </div>
      {found.length > most && (
        <button type="button" className="button-second" onClick={() => setMost(most + STEP)}>
          {words.inbox.more}
        </button>
      )}
    </LabelledGroup>
  );
}

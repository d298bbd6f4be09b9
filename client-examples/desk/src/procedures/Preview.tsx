import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Markdown } from "@espace-citoyens/kit/elements/Markdown.tsx";
import { visibleFields } from "@espace-citoyens/kit/form/conditions.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import { useEffect, useMemo, useRef, useState } from "react";
import { useWords } from "../wording.ts";
import { type ProcedureDraft, previewOf, stepsOf } from "./draft.ts";

/** What comes before the fields, where one of them could stand. */
export const HEAD = "head";
const MARGIN = 16;

interface Properties {
  draft: ProcedureDraft;
  /** The id of the field that is being written, or HEAD; null: none. */
  edited: string | null;
}

/** What citizens will see, as it is written, conditions included: it scrolls by itself to what is being written. */
export function Preview({ draft, edited }: Properties) {
  const words = useWords().procedures;
  const [answers, setAnswers] = useState<Answers>({});
  const fields = useMemo(() => draft.fields.map(previewOf), [draft.fields]);
  const section = useRef<HTMLElement>(null);
  const position = draft.fields.findIndex((field) => field.id === edited);
  // biome-ignore lint/correctness/useExhaustiveDependencies: also where it has been moved
  useEffect(() => {
    const room = section.current?.getBoundingClientRect();
    const part = section.current?.querySelector(`[data-previewed="${edited}"]`)?.getBoundingClientRect();
    if (!room || !part || (part.top >= room.top && part.bottom <= room.bottom)) return;
    // The page itself stays where it is: scrollIntoView would move it, too.
    section.current?.scrollBy({ top: part.top - room.top - MARGIN });
  }, [edited, position]);
  return (
    // It scrolls: by the keyboard, too.
    <section ref={section} className="card preview" aria-label={words.preview} tabIndex={0}>
      <div data-previewed={HEAD}>
        <h2>{words.preview}</h2>
        <h3>{draft.title || "—"}</h3>
        <p>{draft.summary}</p>
        <ol>
          {stepsOf(draft).map((step) => (
            <li key={step}>{words.steps[step]}</li>
          ))}
        </ol>
        {draft.requiresAccount && (
          <p>
            <Icon name="lock" /> {words.requiresAccount}
          </p>
        )}
        <Markdown text={draft.body} />
      </div>
      {visibleFields(fields, answers).map((field) => {
        // Keys may be missing, or written twice, for as long as they are typed.
        const id = draft.fields[fields.indexOf(field)]?.id;
        return (
          <div key={`${id} ${field.__typename}`} data-previewed={id}>
            <FieldInput
              field={{ ...field, key: `preview-${id}` }}
              value={answers[field.key]}
              onChange={(value) => setAnswers((before) => ({ ...before, [field.key]: value }))}
              problems={[]}
              files={() => null}
            />
          </div>
        );
      })}
    </section>
  );
}

import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Markdown } from "@espace-citoyens/kit/elements/Markdown.tsx";
import { visibleFields } from "@espace-citoyens/kit/form/conditions.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import { useMemo, useState } from "react";
import { useWords } from "../wording.ts";
import { type ProcedureDraft, previewOf, stepsOf } from "./draft.ts";

/** What citizens will see, as it is written: conditions included. */
export function Preview({ draft }: { draft: ProcedureDraft }) {
  const words = useWords().procedures;
  const [answers, setAnswers] = useState<Answers>({});
  const fields = useMemo(() => draft.fields.map(previewOf), [draft.fields]);
  return (
    <section className="card preview" aria-label={words.preview}>
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
      {visibleFields(fields, answers).map((field) => {
        // Keys may be missing, or written twice, for as long as they are typed.
        const id = draft.fields[fields.indexOf(field)]?.id;
        return (
          <FieldInput
            key={`${id} ${field.__typename}`}
            field={{ ...field, key: `preview-${id}` }}
            value={answers[field.key]}
            onChange={(value) => setAnswers((before) => ({ ...before, [field.key]: value }))}
            problems={[]}
            files={() => null}
          />
        );
      })}
    </section>
  );
}

import { visibleFields } from "@espace-citoyens/kit/form/conditions.ts";
import type { Answers, FormField } from "@espace-citoyens/kit/form/definition.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import type { Language } from "@espace-citoyens/kit/language.tsx";
import type { FieldProblem } from "@espace-citoyens/kit/outcome.ts";
import type { FocusEvent } from "react";
import { useWords } from "../wording.ts";
import { keyOf } from "./places.ts";

interface Properties {
  fields: readonly FormField[];
  /** Of what they ask, where it is not that of the page. */
  language?: Language;
  answers: Answers;
  onAnswer: (key: string, value: Answers[string]) => void;
  /** Somebody goes on from this field to another place of the page. */
  onLeave: (key: string) => void;
  problems: readonly FieldProblem[];
  files?: Parameters<typeof FieldInput>[0]["files"];
}

/** What a step asks now. */
export function Fields({
  fields,
  language,
  answers,
  onAnswer,
  onLeave,
  problems,
  files = () => null,
}: Properties) {
  const words = useWords();
  const asked = visibleFields(fields, answers);
  const inStep = problems.map((each) => ({ ...each, path: keyOf(each.path) }));
  if (asked.length === 0) return <p>{words.filling.nothingAsked}</p>;
  return asked.map((field) => (
    <div key={field.key} onBlur={(event) => isLeft(event) && onLeave(field.key)}>
      <FieldInput
        field={field}
        language={language}
        value={answers[field.key]}
        onChange={(value) => onAnswer(field.key, value)}
        problems={inStep}
        files={files}
      />
    </div>
  ));
}

/** Not where the focus stays inside, nor where it is the whole window that is left for another. */
function isLeft({ currentTarget, relatedTarget }: FocusEvent<HTMLElement>): boolean {
  return !currentTarget.contains(relatedTarget) && !currentTarget.contains(document.activeElement);
}

import { useContactFields } from "@espace-citoyens/kit/form/contact.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import type { Dispatch, SetStateAction } from "react";

interface Properties {
  answers: Answers;
  onChange: Dispatch<SetStateAction<Answers>>;
  /** What was wrong with the whole: what of it concerns the profile is said at its fields. */
  problem: Problem | null;
}

/** Who somebody is and how to reach them, as the form of an account. */
export function ProfileFields({ answers, onChange, problem }: Properties) {
  const problems = (problem?.fields ?? []).map((each) => ({
    ...each,
    path: each.path.replace(/^profile\./, ""),
  }));
  return useContactFields().map((field) => (
    <FieldInput
      key={field.key}
      field={field}
      value={answers[field.key]}
      onChange={(value) => onChange((before) => ({ ...before, [field.key]: value }))}
      problems={problems}
      files={() => null}
    />
  ));
}

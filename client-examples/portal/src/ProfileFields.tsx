import { useContactFields } from "@espace-citoyens/kit/form/contact.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import { WORDING } from "@espace-citoyens/kit/form/wording.ts";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import type { Dispatch, SetStateAction } from "react";

interface Properties {
  answers: Answers;
  onChange: Dispatch<SetStateAction<Answers>>;
  /** What was wrong with the whole, `inPage`: what of it concerns the profile is said at its fields. */
  problem: Problem | null;
}

/**
 * A problem as the page has its fields: those of the profile beside the others, and each partner's of its own, where the server
 * speaks of the one that was given.
 */
export function inPage(problem: Problem | null, partner = ""): Problem | null {
  const fields = (problem?.fields ?? []).map((field) => ({
    ...field,
    path: field.path.replace(/^profile\./, "").replace(/^partner\./, `partner.${partner}.`),
  }));
  return problem && { ...problem, fields };
}

/** What the fields of the profile are called, for a problem that leads to them. */
export function useProfileLabels(): Record<string, string> {
  const wording = useWording(WORDING);
  const fields = useContactFields().map((field) => [field.key, field.label]);
  return {
    ...Object.fromEntries(fields),
    "address.lines": wording.addressLine,
    "address.postalCode": wording.postalCode,
    "address.city": wording.city,
    "address.country": wording.country,
  };
}

/** Who somebody is and how to reach them, as the form of an account. */
export function ProfileFields({ answers, onChange, problem }: Properties) {
  return useContactFields().map((field) => (
    <FieldInput
      key={field.key}
      field={field}
      value={answers[field.key]}
      onChange={(value) => onChange((before) => ({ ...before, [field.key]: value }))}
      problems={problem?.fields ?? []}
      files={() => null}
    />
  ));
}

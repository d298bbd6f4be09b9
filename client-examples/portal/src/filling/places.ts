import { visibleFields } from "@espace-citoyens/kit/form/conditions.ts";
import type { FormField } from "@espace-citoyens/kit/form/definition.ts";
import type { StepKind } from "@espace-citoyens/kit/operations.ts";
import type { FieldProblem } from "@espace-citoyens/kit/outcome.ts";
import type { Filled } from "./filled.ts";

const CONTACT = "contact.";

interface Step {
  kind: StepKind;
  title: string;
  fields: readonly FormField[];
}

/** The path of a field, as the server names it in what it says of it. It is kept or refused as one: a mistake in one keeps no other. */
export function pathOf(kind: StepKind, key: string): string {
  return kind === "CONTACT" ? CONTACT + key : key;
}

/** The field that something is said of: of the town of an address, its address. */
export function fieldOf(path: string): string {
  return path
    .split(".")
    .slice(0, isOfContact(path) ? 2 : 1)
    .join(".");
}

export function stepOf(path: string): StepKind {
  if (path === "appointment") return "APPOINTMENT";
  return isOfContact(path) ? "CONTACT" : "FORM";
}

export function isOfContact(path: string): boolean {
  return path.startsWith(CONTACT);
}

/** A path inside its step: what the inputs are named after. */
export function keyOf(path: string): string {
  return isOfContact(path) ? path.slice(CONTACT.length) : path;
}

/** The fields that are asked now, in order, by their paths: what is hidden is not sent, and keeps nobody from sending. */
export function askedIn(steps: readonly Step[], { answers, contact }: Filled): string[] {
  return steps.flatMap(({ kind, fields }) => [
    ...(kind === "APPOINTMENT" ? ["appointment"] : []),
    ...visibleFields(fields, kind === "CONTACT" ? contact : answers).map(({ key }) => pathOf(kind, key)),
  ]);
}

/** What is said of fields, as the form asks for them; of none of them, last. */
export function inOrder(problems: readonly FieldProblem[], asked: readonly string[]): FieldProblem[] {
  const place = ({ path }: FieldProblem) => {
    const index = asked.indexOf(fieldOf(path));
    return index < 0 ? asked.length : index;
  };
  return [...problems].sort((one, other) => place(one) - place(other));
}

/** What the fields are called, by their paths. */
export function labelsIn(steps: readonly Step[]): Record<string, string> {
  return Object.fromEntries(
    steps.flatMap(({ kind, title, fields }) => [
      ...(kind === "APPOINTMENT" ? [["appointment", title]] : []),
      ...fields.map(({ key, label }) => [pathOf(kind, key), label]),
    ]),
  );
}

/** Where somebody mends what is said of a path: its input, or what that is part of. */
export function inputAt(path: string): HTMLElement | null {
  const parts = keyOf(path).split(".");
  for (; parts.length > 0; parts.pop()) {
    const found = document.getElementById(`field-${parts.join(".")}`);
    if (found) return found;
  }
  return null;
}

import type { Answers, FormField } from "./definition.ts";

type Condition = FormField["visibleWhen"][number];

/**
 * The fields that are asked, given the answers so far, as the server decides it (models/forms/conditions.py): a condition on
 * a field that is hidden, or not answered, does not hold.
 */
export function visibleFields(fields: readonly FormField[], answers: Answers): FormField[] {
  const byKey = new Map(fields.map((field) => [field.key, field]));
  const known = new Map<string, boolean>();
  const isVisible = (field: FormField): boolean => {
    const before = known.get(field.key);
    if (before !== undefined) return before;
    known.set(field.key, false);
    const visible = field.visibleWhen.every(holds);
    known.set(field.key, visible);
    return visible;
  };
  const holds = (condition: Condition): boolean => {
    const field = byKey.get(condition.field);
    if (field === undefined) return false;
    const given = comparable(field, answers);
    return given.length > 0 && isVisible(field) && compares(condition, field, given);
  };
  return fields.filter(isVisible);
}

function compares(condition: Condition, field: FormField, given: (string | number)[]): boolean {
  const values = condition.values.map((value) =>
    field.__typename === "NumberField" ? Number(value) : value,
  );
  const [first] = given;
  const [bound] = values;
  switch (condition.operator) {
    case "IS_ANSWERED":
      return true;
    case "EQUALS":
    case "IN":
      return given.some((each) => values.includes(each));
    case "NOT_EQUALS":
      return !given.some((each) => values.includes(each));
    // Days are compared as they are written: 2026-01-31.
    case "GREATER_THAN":
      return first !== undefined && bound !== undefined && first > bound;
    case "LESS_THAN":
      return first !== undefined && bound !== undefined && first < bound;
  }
}

/** An answer as its field's type compares; empty where there is none. */
function comparable(field: FormField, answers: Answers): (string | number)[] {
  const answer = answers[field.key];
  if (answer === undefined) return [];
  if (answer.choices) return [...answer.choices];
  if (answer.boolean !== undefined && answer.boolean !== null) return [answer.boolean ? "true" : "false"];
  if (answer.address) return [answer.address.city];
  const value = answer.number ?? answer.date ?? answer.text;
  return value === undefined || value === null || value === "" ? [] : [value];
}

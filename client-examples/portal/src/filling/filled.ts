import { isStarted } from "@espace-citoyens/kit/form/AddressInput.tsx";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import type { AnswerValue } from "@espace-citoyens/kit/operations.ts";
import { isOfContact, keyOf } from "./places.ts";
import type { Draft } from "./useDraft.ts";

/** What is filled in, by the keys of the fields. */
export interface Filled {
  answers: Answers;
  contact: Answers;
}

/** What the server has, and over it what it does not have yet. */
export function withPending(
  answers: Answers,
  contact: Answers,
  pending: ReadonlyMap<string, AnswerValue | undefined>,
): Filled {
  const typed = [...pending];
  return {
    answers: { ...answers, ...byKey(typed.filter(([path]) => !isOfContact(path))) },
    contact: { ...contact, ...byKey(typed.filter(([path]) => isOfContact(path))) },
  };
}

export function byKey(typed: readonly (readonly [string, AnswerValue | undefined])[]): Answers {
  return Object.fromEntries(typed.map(([path, value]) => [keyOf(path), value]));
}

/** An address of which nothing is left is none. */
export function answerTo(value: AnswerValue | undefined): AnswerValue | null {
  return value === undefined || (value.address && !isStarted(value.address)) ? null : value;
}

export function differ(before: Filled, after: Filled): boolean {
  return (["answers", "contact"] as const).some((part) =>
    Object.keys({ ...before[part], ...after[part] }).some(
      (key) => JSON.stringify(before[part][key]) !== JSON.stringify(after[part][key]),
    ),
  );
}

export function answersByField(draft: Draft): Answers {
  return Object.fromEntries(draft.answers.map((answer) => [answer.field, typedValue(answer)]));
}

function typedValue(answer: Draft["answers"][number]): AnswerValue {
  switch (answer.__typename) {
    case "TextAnswer":
      return { text: answer.text };
    case "NumberAnswer":
      return { number: answer.number };
    case "BooleanAnswer":
      return { boolean: answer.boolean };
    case "DateAnswer":
      return { date: answer.date };
    case "ChoiceAnswer":
      return { choices: answer.choices.map((choice) => choice.value) };
    case "AddressAnswer": {
      const { lines, postalCode, city, country } = answer.address;
      return { address: { lines, postalCode, city, country } };
    }
  }
}

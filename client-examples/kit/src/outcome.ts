import type { CombinedError, OperationResult } from "@urql/core";
import type { Language } from "./language.tsx";

/** What is wrong with one field: its path is that of the input field, or the key of the form field. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** Why something was not done, in a sentence to show. `code` is ErrorCode, a top-level code, or NETWORK. */
export interface Problem {
  code: string;
  message: string;
  fields: FieldProblem[];
}

/** Whether it is over some time later, without anybody's doing. */
export function isPassing({ code }: Problem): boolean {
  return code === "NETWORK" || code === "UNAVAILABLE";
}

type Succeeded<Result> = Extract<Result, { __typename: `${string}Success` }>;
type Refused<Result> = Exclude<Result, { __typename: `${string}Success` }>;

export type Outcome<Result> =
  | { success: Succeeded<Result>; problem: null; refusal: null }
  | { success: null; problem: Problem; refusal: Refused<Result> | null };

const NO_NETWORK: Record<Language, string> = {
  fr: "La connexion est interrompue. Rien n’est perdu : réessayez dans un instant.",
  en: "The connection is down. Nothing is lost: try again in a moment.",
};

/** What kept a whole operation from being served, in the server's own sentence where it gave one. */
export function callProblem(error: CombinedError, language: Language): Problem {
  const [first] = error.graphQLErrors;
  if (first === undefined) return { code: "NETWORK", message: NO_NETWORK[language], fields: [] };
  return { code: String(first.extensions?.code ?? "INTERNAL"), message: first.message, fields: [] };
}

/** A mutation's answer: what was done, or why it was not. `pick` takes the union out of the data. */
export function outcome<Data, Result extends { __typename: string }>(
  result: OperationResult<Data>,
  pick: (data: Data) => Result,
  language: Language,
): Outcome<Result> {
  if (result.data === undefined || result.data === null || result.error !== undefined) {
    const problem =
      result.error === undefined
        ? { code: "NETWORK", message: NO_NETWORK[language], fields: [] }
        : callProblem(result.error, language);
    return { success: null, problem, refusal: null };
  }
  const answer = pick(result.data);
  if (answer.__typename.endsWith("Success"))
    return { success: answer as Succeeded<Result>, problem: null, refusal: null };
  const told = answer as unknown as { code: string; message: string; fields?: FieldProblem[] };
  return {
    success: null,
    problem: { code: told.code, message: told.message, fields: told.fields ?? [] },
    refusal: answer as Refused<Result>,
  };
}

import { useQuery } from "urql";
import { PasswordRules } from "../operations.ts";

/** What a new password has to be, in the server's own words, so that a form does not promise what is refused. */
export function usePasswordAdvice(): string | null {
  const [{ data }] = useQuery({ query: PasswordRules });
  return data?.municipality.passwords.advice ?? null;
}

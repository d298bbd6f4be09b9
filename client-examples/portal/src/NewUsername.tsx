import { messagesAt } from "@espace-citoyens/kit/elements/Notice.tsx";
import { UsernameField } from "@espace-citoyens/kit/form/UsernameField.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useWords } from "./wording.ts";

interface Properties {
  value: string;
  onChange: (username: string) => void;
  problem: Problem | null;
  /** Names like the one that is taken, that are not. */
  suggestions: readonly string[];
  required?: boolean;
}

/** A name to be known by: where somebody has it already, that is said here, with others to choose. */
export function NewUsername({ value, onChange, problem, suggestions, required = false }: Properties) {
  const words = useWords();
  const messages = messagesAt(problem?.fields ?? [], "username");
  if (problem?.code === "USERNAME_TAKEN") messages.push(problem.message);
  return (
    <>
      <UsernameField
        path="username"
        label={words.account.username}
        help={words.account.usernameHelp}
        messages={messages}
        required={required}
        value={value}
        onChange={onChange}
      />
      {suggestions.length > 0 && (
        <p role="status">
          {words.account.taken}{" "}
          {suggestions.map((suggestion) => (
            <button
              key={suggestion}
              type="button"
              className="button-quiet"
              onClick={() => onChange(suggestion)}
            >
              {suggestion}
            </button>
          ))}
        </p>
      )}
    </>
  );
}

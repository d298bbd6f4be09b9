import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
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
export function UsernameField({ value, onChange, problem, suggestions, required = false }: Properties) {
  const words = useWords();
  const messages = (problem?.fields ?? [])
    .filter((each) => each.path === "username")
    .map((each) => each.message);
  if (problem?.code === "USERNAME_TAKEN") messages.push(problem.message);
  return (
    <>
      <Labelled
        path="username"
        label={words.account.username}
        help={words.account.usernameHelp}
        messages={messages}
        required={required}
      >
        {(described) => (
          <input
            {...described}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        )}
      </Labelled>
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

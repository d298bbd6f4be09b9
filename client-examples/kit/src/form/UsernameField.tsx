import { Labelled, type LabelledProperties } from "./Labelled.tsx";

interface Properties extends LabelledProperties {
  value: string;
  onChange: (username: string) => void;
}

/** A name to log in with, which no keyboard corrects. */
export function UsernameField({ value, onChange, ...labelled }: Properties) {
  return (
    <Labelled {...labelled}>
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
  );
}

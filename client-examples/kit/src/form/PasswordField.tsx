import type { Ref } from "react";
import { Labelled, type LabelledProperties } from "./Labelled.tsx";

interface Properties extends LabelledProperties {
  value: string;
  onChange: (password: string) => void;
  /** What a password manager offers: the password that there is, a new one, or none of its own. */
  autoComplete?: "current-password" | "new-password" | "off";
  ref?: Ref<HTMLInputElement>;
}

/** A password, hidden as it is typed. */
export function PasswordField({
  value,
  onChange,
  autoComplete = "current-password",
  ref,
  ...labelled
}: Properties) {
  return (
    <Labelled {...labelled}>
      {(described) => (
        <input
          {...described}
          ref={ref}
          type="password"
          autoComplete={autoComplete}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Labelled>
  );
}

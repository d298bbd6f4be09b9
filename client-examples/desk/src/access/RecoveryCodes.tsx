import { type FormEvent, useEffect, useRef, useState } from "react";
import { CopyButton } from "../Once.tsx";
import { useWords } from "../wording.ts";

/** Ten codes that are shown this once. They go away when the agent says that they are kept. */
export function RecoveryCodes({ codes, onKept }: { codes: readonly string[]; onKept: () => void }) {
  const words = useWords().access;
  const [kept, setKept] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <form
      className="card"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        onKept();
      }}
    >
      <h3 ref={heading} tabIndex={-1}>
        {words.codes}
      </h3>
      <p>{words.codesText}</p>
      <ol className="codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <CopyButton text={codes.join("\n")} label={words.copyCodes} />
      <label className="option">
        <input type="checkbox" checked={kept} onChange={(event) => setKept(event.target.checked)} />
        {words.kept}
      </label>
      <div className="actions">
        <button type="submit" className="button" disabled={!kept}>
          {words.done}
        </button>
      </div>
    </form>
  );
}

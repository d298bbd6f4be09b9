import { type ReactNode, useEffect, useRef } from "react";
import { useWording } from "../language.tsx";
import type { FieldProblem, Problem } from "../outcome.ts";
import { PUNCTUATION } from "../punctuation.ts";

export function Notice({
  kind,
  children,
}: {
  kind: "information" | "success" | "warning";
  children: ReactNode;
}) {
  return (
    <div className={`notice notice-${kind}`} role="status">
      {children}
    </div>
  );
}

/**
 * What went wrong, told at once and given the focus: the sentence, then each field with a link to where it is filled in.
 *
 * `labels` names the fields; what it does not know is told by its message alone.
 */
export function ProblemNotice({
  problem,
  labels = {},
  children,
}: {
  problem: Problem | null;
  labels?: Record<string, string>;
  children?: ReactNode;
}) {
  const notice = useRef<HTMLDivElement>(null);
  const { colon } = useWording(PUNCTUATION);
  useEffect(() => {
    if (problem) notice.current?.focus();
  }, [problem]);
  if (!problem) return null;
  // Where the sentence is that of the only field, it is not said twice.
  const fields = problem.fields.filter((field) => labels[field.path] || field.message !== problem.message);
  return (
    <div ref={notice} className="notice notice-problem" role="alert" tabIndex={-1}>
      <p>{problem.message}</p>
      {fields.length > 0 && (
        <ul>
          {fields.map((field) => (
            <li key={field.path + field.message}>
              {labels[field.path] ? <a href={`#field-${field.path}`}>{labels[field.path]}</a> : null}
              {labels[field.path] ? colon : ""}
              {field.message}
            </li>
          ))}
        </ul>
      )}
      {children}
    </div>
  );
}

/** The messages about one field, or about what is inside it (`address` has `address.city`). */
export function messagesAt(problems: readonly FieldProblem[], path: string): string[] {
  return problems
    .filter((problem) => problem.path === path || problem.path.startsWith(`${path}.`))
    .map((problem) => problem.message);
}

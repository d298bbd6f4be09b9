import { useAfterPress } from "@espace-citoyens/kit/form/afterPress.ts";
import type { FieldProblem } from "@espace-citoyens/kit/outcome.ts";
import { useCallback, useState } from "react";
import { pendingOf } from "./pending.ts";
import { fieldOf } from "./places.ts";

/**
 * Which problems are said at their fields: nobody is interrupted. A field's are once it was left, or a later one of its step; those of
 * what is typed anew, once that is over.
 */
export function useTold(draft: string) {
  const afterPress = useAfterPress();
  // What a visit before has left unsaved was left by it, too.
  const [left, setLeft] = useState<ReadonlySet<string>>(
    () => new Set(pendingOf(draft).map(([path]) => path)),
  );
  const [typing, setTyping] = useState<string | null>(null);

  /** Of the fields asked in a step. `over`: it was left, or more than that was asked for. */
  const told = (problems: readonly FieldProblem[], asked: readonly string[], over: boolean) => {
    const last = over ? asked.length : asked.findLastIndex((field) => left.has(field));
    return problems.filter(({ path }) => {
      const index = asked.indexOf(fieldOf(path));
      return index >= 0 && index <= last && asked[index] !== typing;
    });
  };
  const leave = useCallback(
    (field: string) =>
      afterPress(() => {
        setLeft((before) => new Set([...before, field]));
        setTyping((before) => (before === field ? null : before));
      }),
    [afterPress],
  );
  return { told, leave, type: setTyping };
}

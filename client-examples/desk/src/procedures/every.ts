import { useRead } from "@espace-citoyens/kit/door.tsx";
import { DeskProcedures, type DeskProceduresQuery } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useCallback, useEffect, useState } from "react";

type Page = NonNullable<DeskProceduresQuery["desk"]>["procedures"];
export type Procedure = Page["nodes"][number];

interface Every {
  /** Null until the last of them is there. */
  procedures: readonly Procedure[] | null;
  problem: Problem | null;
  readAgain: () => void;
}

/** Every procedure, page after page: a choice that lacks one would say that there is none. Read while `wanted`. */
export function useEveryProcedure(wanted: boolean): Every {
  const read = useRead();
  const [procedures, setProcedures] = useState<readonly Procedure[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: read anew each time it is asked for
  useEffect(() => {
    if (!wanted) return;
    let left = false;
    const readAll = async () => {
      const found: Procedure[] = [];
      let next: Page["pageInfo"] = { hasNextPage: true, endCursor: null };
      while (next.hasNextPage) {
        const { data, problem } = await read(DeskProcedures, { after: next.endCursor });
        if (left) return;
        setProblem(problem);
        if (!data?.desk) return;
        found.push(...data.desk.procedures.nodes);
        next = data.desk.procedures.pageInfo;
      }
      setProcedures(found);
    };
    readAll();
    return () => {
      left = true;
    };
  }, [read, wanted, asked]);
  const readAgain = useCallback(() => setAsked((before) => before + 1), []);
  return { procedures, problem, readAgain };
}

/** The same under their themes, in order. */
export function byCategory(procedures: readonly Procedure[]): [Procedure["category"], Procedure[]][] {
  const themes = new Map<string, [Procedure["category"], Procedure[]]>();
  for (const procedure of procedures) {
    const theme = themes.get(procedure.category.slug) ?? [procedure.category, []];
    theme[1].push(procedure);
    themes.set(procedure.category.slug, theme);
  }
  return [...themes.values()];
}

import { useRead } from "@espace-citoyens/kit/door.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { MUNICIPALITY_LANGUAGE } from "@espace-citoyens/kit/language.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { Padlock } from "./frame.tsx";
import { useWords } from "./wording.ts";

interface Procedure {
  id: string;
  slug: string;
  title: string;
  summary: string;
  requiresAccount: boolean;
}

interface Page {
  nodes: readonly Procedure[];
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
}

type Answer = { page: Page | undefined; problem: Problem | null };

/** Reads the page after a cursor. */
export type ReadAfter = (read: ReturnType<typeof useRead>, after: string | null) => Promise<Answer>;

interface Properties {
  first: Page;
  readAfter: ReadAfter;
  className?: string;
}

/** A page of procedures, and the later ones as they are asked for: the focus goes on to the first that has come. */
export function Procedures({ first, readAfter, className = "" }: Properties) {
  const words = useWords();
  const read = useRead();
  const [later, setLater] = useState<readonly Page[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const pages = [first, ...later];
  const { hasNextPage, endCursor } = (later.at(-1) ?? first).pageInfo;
  const come = useRef<number | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once they are there
  useEffect(() => {
    if (come.current !== null) list.current?.children[come.current]?.querySelector("a")?.focus();
    come.current = null;
  }, [later]);
  const showMore = async () => {
    const { page, problem } = await readAfter(read, endCursor ?? null);
    setProblem(problem);
    if (!page) return;
    come.current = list.current?.children.length ?? null;
    setLater([...later, page]);
  };
  return (
    <div className={className}>
      <ul ref={list} className="procedures">
        {pages
          .flatMap((page) => page.nodes)
          .map((procedure) => (
            <li key={procedure.id}>
              {procedure.requiresAccount && <Padlock />}
              <Link href={`/demarches/${procedure.slug}`} lang={MUNICIPALITY_LANGUAGE}>
                {procedure.title}
              </Link>
              <p className="quiet" lang={MUNICIPALITY_LANGUAGE}>
                {procedure.summary}
              </p>
            </li>
          ))}
      </ul>
      <ProblemNotice problem={problem} />
      {hasNextPage && (
        <button type="button" className="button-quiet" onClick={showMore}>
          {words.catalogue.more}
        </button>
      )}
    </div>
  );
}

import type { CombinedError } from "@urql/core";
import { useEffect, useMemo, useRef } from "react";
import { useBack, useDoor } from "../door.tsx";
import { useLanguage } from "../language.tsx";
import { callProblem, isPassing } from "../outcome.ts";
import { Busy } from "./Busy.tsx";
import { ProblemNotice } from "./Notice.tsx";
import { TryAgain } from "./TryAgain.tsx";

interface Properties {
  error: CombinedError | undefined;
  /** There was an answer, but as to nobody: the session has ended elsewhere. */
  nobody?: boolean;
  onTryAgain: () => void;
}

/**
 * In the place of what is being read: why it cannot be, and trying again, which the page does by itself when the network
 * is back. Who is logged in no longer gets to log in.
 */
export function Waiting({ error, nobody = false, onTryAgain }: Properties) {
  const { language } = useLanguage();
  const { reopen } = useDoor();
  const problem = useMemo(() => (error ? callProblem(error, language) : null), [error, language]);
  // A refusal of what was asked leaves nothing in the answer, too: that is no sign of being nobody.
  const ended = problem ? problem.code === "UNAUTHENTICATED" : nobody;
  // Once: this page stays until the frame has been read again, and is told of the new door meanwhile.
  const reopened = useRef(false);
  useEffect(() => {
    if (ended && !reopened.current) reopen();
    reopened.current = ended;
  }, [ended, reopen]);
  const failed = !ended && problem !== null;
  useBack(failed && isPassing(problem) ? onTryAgain : null);
  if (!failed) return <Busy />;
  return (
    <ProblemNotice problem={problem}>
      <TryAgain onClick={onTryAgain} />
    </ProblemNotice>
  );
}

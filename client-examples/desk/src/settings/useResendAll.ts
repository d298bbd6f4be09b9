import { useChange, useRead } from "@espace-citoyens/kit/door.tsx";
import { DeskParkedMails, type DeskParkedMailsQuery, ResendMail } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useEffect, useRef, useState } from "react";

type PageInfo = NonNullable<DeskParkedMailsQuery["desk"]>["parkedMails"]["pageInfo"];

interface ResendAll {
  /** Null while nothing is under way. */
  progress: { done: number; total: number } | null;
  start: (total: number) => void;
  stop: () => void;
}

/** Sends again all mail that was given up, one after the other, each once, as long as the page is there. */
export function useResendAll(onEnd: (done: number, problem: Problem | null) => void): ResendAll {
  const read = useRead();
  const [resend] = useChange(ResendMail, (answer) => answer.resendMail);
  const [progress, setProgress] = useState<ResendAll["progress"]>(null);
  const stopped = useRef(false);
  const stop = () => {
    stopped.current = true;
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is no other one later
  useEffect(() => stop, []);
  const start = async (total: number) => {
    stopped.current = false;
    let done = 0;
    let failed: Problem | null = null;
    let next: PageInfo = { hasNextPage: true, endCursor: null };
    setProgress({ done, total });
    // Forwards only: one that is refused again meanwhile stands where it stood, and is not met a second time.
    while (next.hasNextPage && !stopped.current && failed === null) {
      const { data, problem } = await read(DeskParkedMails, { after: next.endCursor });
      failed = problem;
      if (!data?.desk) break;
      for (const mail of data.desk.parkedMails.nodes) {
        if (stopped.current || failed !== null) break;
        const { success, problem } = await resend({ mail: mail.id });
        if (success) done += 1;
        // Somebody else may have sent it again.
        else if (problem.code !== "NOT_FOUND") failed = problem;
        setProgress({ done, total: Math.max(done, total) });
      }
      next = data.desk.parkedMails.pageInfo;
    }
    setProgress(null);
    onEnd(done, failed);
  };
  return { progress, start, stop };
}

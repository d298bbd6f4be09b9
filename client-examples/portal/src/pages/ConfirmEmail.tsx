import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { ConfirmEmail as Confirm } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

export default function ConfirmEmail() {
  const words = useWords();
  const [confirm] = useChange(Confirm, (data) => data.confirmEmail);
  const [username, setUsername] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const token = new URLSearchParams(location.search).get("token") ?? "";
    confirm({ token }).then(({ success, problem }) => {
      setProblem(problem);
      if (success) setUsername(success.account.username);
    });
  }, [confirm]);
  return (
    <SitePage title={words.account.confirmTitle}>
      <ProblemNotice problem={problem} />
      {username !== null && <Notice kind="success">{words.account.confirmed(username)}</Notice>}
      {username === null && problem === null && <Busy />}
      <Link href="/" className="button">
        {words.frame.back}
      </Link>
    </SitePage>
  );
}

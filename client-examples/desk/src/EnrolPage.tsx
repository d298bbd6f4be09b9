import { useDoor, useLogOut } from "@espace-citoyens/kit/door.tsx";
import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import { LogOutProblem } from "@espace-citoyens/kit/LogOutProblem.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import { Enrolment } from "./access/Enrolment.tsx";
import { useWords } from "./wording.ts";

/** All that an agent sees who has to enrol a second factor first. */
export function EnrolPage() {
  const words = useWords();
  const { reopen } = useDoor();
  const logOut = useLogOut();
  const [problem, setProblem] = useState<Problem | null>(null);
  return (
    <main className="main">
      <Page title={words.access.mustEnrol} site={words.logIn.title}>
        <p>{words.access.mustEnrolText}</p>
        <LogOutProblem problem={problem} />
        <h2>{words.access.own}</h2>
        <Enrolment
          onDone={reopen}
          onCancel={async () => {
            const problem = await logOut();
            setProblem(problem);
            if (problem === null) reopen();
          }}
        />
      </Page>
    </main>
  );
}

import { useDoor, useLogOut } from "@espace-citoyens/kit/door.tsx";
import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import { Enrolment } from "./access/Enrolment.tsx";
import { useWords } from "./wording.ts";

/** All that an agent sees who has to enrol a second factor first. */
export function EnrolPage() {
  const words = useWords();
  const { reopen } = useDoor();
  const logOut = useLogOut();
  return (
    <main className="main">
      <Page title={words.access.mustEnrol} site={words.logIn.title}>
        <p>{words.access.mustEnrolText}</p>
        <h2>{words.access.own}</h2>
        <Enrolment
          onDone={reopen}
          onCancel={async () => {
            if ((await logOut()) === null) reopen();
          }}
        />
      </Page>
    </main>
  );
}

import { useDoor } from "@espace-citoyens/kit/door.tsx";
import { LogInForm as Form, type Opened } from "@espace-citoyens/kit/LogInForm.tsx";
import { Link, useLocation } from "wouter";
import { IdentityLogIns } from "./IdentityLogIns.tsx";
import { takeWayBack } from "./wayBack.ts";
import { useWords } from "./wording.ts";

/** Opens a session by cookie, and leads on to `to`; by default, the page stays and shows itself to who is logged in. */
export function LogInForm({ to }: { to?: string }) {
  const words = useWords();
  const { reopen } = useDoor();
  const [, navigate] = useLocation();
  const goOn = ({ agent }: Opened) => {
    if (agent) location.assign("/mairie/");
    else {
      // Whoever had begun at a provider has come in by the other door.
      takeWayBack();
      if (to) navigate(to);
      reopen();
    }
    return null;
  };
  return (
    <>
      <Form onOpened={goOn}>
        <Link href="/mot-de-passe-oublie">{words.home.forgotten}</Link>
      </Form>
      <IdentityLogIns text={words.identity.or} label={words.identity.logIn} />
    </>
  );
}

import { useDoor, useLogOut } from "@espace-citoyens/kit/door.tsx";
import { Brand } from "@espace-citoyens/kit/elements/Brand.tsx";
import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import { LogInForm, type Opened } from "@espace-citoyens/kit/LogInForm.tsx";
import { useWords } from "./wording.ts";

export function LogInPage({ municipality }: { municipality: string }) {
  const words = useWords();
  const { reopen } = useDoor();
  const logOut = useLogOut();
  const goOn = async ({ agent }: Opened) => {
    if (agent) {
      reopen();
      return null;
    }
    return (await logOut()) ?? { code: "NOT_ALLOWED", message: words.logIn.notAnAgent, fields: [] };
  };
  return (
    <>
      <header className="header">
        <div className="header-inside">
          <Brand municipality={municipality} site={words.frame.site} />
        </div>
      </header>
      <main className="main">
        <Page title={words.logIn.title} site={municipality}>
          <LogInForm className="card narrow" onOpened={goOn} />
        </Page>
      </main>
    </>
  );
}

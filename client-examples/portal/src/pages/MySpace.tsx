import type { ReactNode } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { Filling } from "../filling/Filling.tsx";
import { useFrame } from "../frame.tsx";
import { LogInForm } from "../LogInForm.tsx";
import { RequestView } from "../request/RequestView.tsx";
import { SitePage } from "../SitePage.tsx";
import { MyAccount } from "../space/MyAccount.tsx";
import { MyRequests } from "../space/MyRequests.tsx";
import { MyStorage } from "../space/MyStorage.tsx";
import { useWords } from "../wording.ts";

/** Mon espace citoyen. */
export default function MySpace() {
  const words = useWords();
  const { me } = useFrame();
  const [, navigate] = useLocation();
  if (me === null)
    return (
      <SitePage title={words.space.title}>
        <p>{words.space.logInFirst}</p>
        <div className="card">
          <LogInForm onDone={(mustChange) => mustChange && navigate("/mon-espace/identifiants")} />
        </div>
      </SitePage>
    );
  return (
    <Switch>
      <Route path="/mon-espace/demandes/:id/saisie">
        {({ id }) => <Filling id={id} after={`/mon-espace/demandes/${id}`} />}
      </Route>
      <Route path="/mon-espace/demandes/:id/*?">
        {({ id }) => <RequestView id={id} address={`/mon-espace/demandes/${id}`} />}
      </Route>
      <Route path="/mon-espace/compte">
        <Tabbed here="account">
          <MyAccount />
        </Tabbed>
      </Route>
      <Route path="/mon-espace/stockage">
        <Tabbed here="storage">
          <MyStorage />
        </Tabbed>
      </Route>
      <Route>
        <Tabbed here="requests">
          <MyRequests />
        </Tabbed>
      </Route>
    </Switch>
  );
}

const TABS = {
  requests: "/mon-espace",
  account: "/mon-espace/compte",
  storage: "/mon-espace/stockage",
} as const;

function Tabbed({ here, children }: { here: keyof typeof TABS; children: ReactNode }) {
  const words = useWords();
  return (
    <SitePage title={words.space[here]}>
      <nav aria-label={words.space.tabs}>
        <ul className="tabs">
          {Object.entries(TABS).map(([tab, address]) => (
            <li key={tab}>
              <Link href={address} aria-current={tab === here ? "page" : undefined}>
                {words.space[tab as keyof typeof TABS]}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {children}
    </SitePage>
  );
}

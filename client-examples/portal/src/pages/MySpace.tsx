import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Notice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { lazily } from "@espace-citoyens/kit/lazy.ts";
import { type ReactNode, useEffect } from "react";
import { Link, Route, Switch, useLocation, useSearchParams } from "wouter";
import { Filling } from "../filling/Filling.tsx";
import { useFrame } from "../frame.tsx";
import { LogInForm } from "../LogInForm.tsx";
import { RequestView } from "../request/RequestView.tsx";
import { SitePage } from "../SitePage.tsx";
import { MyAccount } from "../space/MyAccount.tsx";
import { MyRequests } from "../space/MyRequests.tsx";
import { MyStorage } from "../space/MyStorage.tsx";
import { takeWayBack } from "../wayBack.ts";
import { useWords } from "../wording.ts";

const ChangeCredentials = lazily(() => import("../space/ChangeCredentials.tsx"));

/** Mon espace citoyen. */
export default function MySpace() {
  const words = useWords();
  const { me } = useFrame();
  if (me === null)
    return (
      <SitePage title={words.space.title}>
        <p>{words.space.logInFirst}</p>
        <div className="card">
          <LogInForm />
        </div>
      </SitePage>
    );
  return (
    <Switch>
      <Route path="/mon-espace/demandes/:id/saisie">
        {({ id }) => <Filling key={id} id={id} after={`/mon-espace/demandes/${id}`} />}
      </Route>
      <Route path="/mon-espace/demandes/:id/*?">
        {({ id }) => <RequestView id={id} address={`/mon-espace/demandes/${id}`} />}
      </Route>
      <Route path="/mon-espace/identifiants" component={ChangeCredentials} />
      <Route path="/mon-espace/retour" component={Back} />
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

/** Come back from a provider, logged in: on to the page that it was asked for. */
function Back() {
  const [, navigate] = useLocation();
  useEffect(() => navigate(takeWayBack() ?? "/mon-espace", { replace: true }), [navigate]);
  return <Busy />;
}

const TABS = {
  requests: "/mon-espace",
  account: "/mon-espace/compte",
  storage: "/mon-espace/stockage",
} as const;

function Tabbed({ here, children }: { here: keyof typeof TABS; children: ReactNode }) {
  const words = useWords();
  const [search] = useSearchParams();
  return (
    <SitePage title={words.space[here]}>
      {search.has("identifiants") && <Notice kind="success">{words.account.changed}</Notice>}
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

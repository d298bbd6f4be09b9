import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { lazy, type ReactNode, Suspense } from "react";
import { Link, Route, Switch } from "wouter";
import { FrameProvider, useFrame } from "./frame.tsx";
import { Home } from "./pages/Home.tsx";
import { SitePage } from "./SitePage.tsx";
import { useWords } from "./wording.ts";

const ChangeCredentials = lazy(() => import("./space/ChangeCredentials.tsx"));
const Catalogue = lazy(() => import("./pages/Catalogue.tsx"));
const ConfirmEmail = lazy(() => import("./pages/ConfirmEmail.tsx"));
const CreateAccount = lazy(() => import("./pages/CreateAccount.tsx"));
const ForgottenPassword = lazy(() => import("./pages/ForgottenPassword.tsx"));
const Identity = lazy(() => import("./pages/Identity.tsx"));
const MySpace = lazy(() => import("./pages/MySpace.tsx"));
const ProcedurePage = lazy(() => import("./pages/ProcedurePage.tsx"));
const RequestByTicket = lazy(() => import("./pages/RequestByTicket.tsx"));

export function App() {
  return (
    <FrameProvider>
      <Suspense fallback={<Busy />}>
        <Duty>
          <Switch>
            <Route path="/" component={Home} />
            <Route path="/connexion" component={Home} />
            <Route path="/creer-mon-compte" component={CreateAccount} />
            <Route path="/mot-de-passe-oublie" component={ForgottenPassword} />
            <Route path="/confirmer" component={ConfirmEmail} />
            <Route path="/identite" component={Identity} />
            <Route path="/demarches" component={Catalogue} />
            <Route path="/demarches/:slug">{({ slug }) => <ProcedurePage slug={slug} />}</Route>
            <Route path="/demandes/:ticket/*?">{({ ticket }) => <RequestByTicket ticket={ticket} />}</Route>
            <Route path="/mon-espace/*?" component={MySpace} />
            <Route component={NotFound} />
          </Switch>
        </Duty>
      </Suspense>
    </FrameProvider>
  );
}

/** What has to be done first takes the place of every page. */
function Duty({ children }: { children: ReactNode }) {
  const { mustChangePassword } = useFrame();
  return mustChangePassword ? <ChangeCredentials /> : children;
}

function NotFound() {
  const words = useWords();
  return (
    <SitePage title={words.frame.notFound}>
      <p>{words.frame.notFoundText}</p>
      <Link href="/" className="button">
        {words.frame.back}
      </Link>
    </SitePage>
  );
}

import { MishapBoundary } from "@espace-citoyens/kit/elements/MishapBoundary.tsx";
import { lazily } from "@espace-citoyens/kit/lazy.ts";
import type { ReactNode } from "react";
import { Route, Switch, useLocation } from "wouter";
import { FrameProvider, useFrame } from "./frame.tsx";
import { NotFound } from "./NotFound.tsx";
import { Home } from "./pages/Home.tsx";

const ChangeCredentials = lazily(() => import("./space/ChangeCredentials.tsx"));
const Catalogue = lazily(() => import("./pages/Catalogue.tsx"));
const ConfirmEmail = lazily(() => import("./pages/ConfirmEmail.tsx"));
const CreateAccount = lazily(() => import("./pages/CreateAccount.tsx"));
const ForgottenPassword = lazily(() => import("./pages/ForgottenPassword.tsx"));
const Identity = lazily(() => import("./pages/Identity.tsx"));
const MySpace = lazily(() => import("./pages/MySpace.tsx"));
const ProcedurePage = lazily(() => import("./pages/ProcedurePage.tsx"));
const RequestByTicket = lazily(() => import("./pages/RequestByTicket.tsx"));

export function App() {
  return (
    <FrameProvider>
      <Shown>
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
      </Shown>
    </FrameProvider>
  );
}

/** What has to be done first takes the place of every page. */
function Duty({ children }: { children: ReactNode }) {
  const { mustChangePassword } = useFrame();
  return mustChangePassword ? <ChangeCredentials /> : children;
}

/** A page once it is loaded, or what stands in for it. */
function Shown({ children }: { children: ReactNode }) {
  const { municipality } = useFrame();
  const [path] = useLocation();
  return (
    <MishapBoundary path={path} site={municipality.name}>
      {children}
    </MishapBoundary>
  );
}

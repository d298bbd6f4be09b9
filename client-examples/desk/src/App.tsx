import { MishapBoundary } from "@espace-citoyens/kit/elements/MishapBoundary.tsx";
import { lazily } from "@espace-citoyens/kit/lazy.ts";
import type { ReactNode } from "react";
import { Route, Router, Switch, useLocation } from "wouter";
import { DeskPage } from "./DeskPage.tsx";
import { FrameProvider, useFrame } from "./frame.tsx";
import { Inbox } from "./pages/Inbox.tsx";
import { useWords } from "./wording.ts";

const AccessPage = lazily(() => import("./pages/AccessPage.tsx"));
const Calendars = lazily(() => import("./pages/Calendars.tsx"));
const FiguresPage = lazily(() => import("./pages/FiguresPage.tsx"));
const PartnersPage = lazily(() => import("./pages/PartnersPage.tsx"));
const ProcedureEditor = lazily(() => import("./pages/ProcedureEditor.tsx"));
const ProceduresPage = lazily(() => import("./pages/ProceduresPage.tsx"));
const RequestPage = lazily(() => import("./pages/RequestPage.tsx"));
const SettingsPage = lazily(() => import("./pages/SettingsPage.tsx"));

export function App() {
  return (
    <Router base="/mairie">
      <FrameProvider>
        <Shown>
          <Switch>
            <Route path="/" component={Inbox} />
            <Route path="/demandes/:id">{({ id }) => <RequestPage key={id} id={id} />}</Route>
            <Route path="/agendas" component={Calendars} />
            <Route path="/demarches" component={ProceduresPage} />
            <Route path="/demarches/:slug">{({ slug }) => <ProcedureEditor slug={slug} />}</Route>
            <Route path="/chiffres" component={FiguresPage} />
            <Route path="/reglages" component={SettingsPage} />
            <Route path="/reglages/acces" component={AccessPage} />
            <Route path="/reglages/partenaires" component={PartnersPage} />
            <Route component={NotFound} />
          </Switch>
        </Shown>
      </FrameProvider>
    </Router>
  );
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

function NotFound() {
  const words = useWords();
  return (
    <DeskPage title={words.frame.notFound}>
      <p>{words.frame.notFoundText}</p>
    </DeskPage>
  );
}

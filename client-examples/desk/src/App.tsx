import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { lazy, Suspense } from "react";
import { Route, Router, Switch } from "wouter";
import { DeskPage } from "./DeskPage.tsx";
import { FrameProvider } from "./frame.tsx";
import { Inbox } from "./pages/Inbox.tsx";
import { useWords } from "./wording.ts";

const AccessPage = lazy(() => import("./pages/AccessPage.tsx"));
const Calendars = lazy(() => import("./pages/Calendars.tsx"));
const FiguresPage = lazy(() => import("./pages/FiguresPage.tsx"));
const PartnersPage = lazy(() => import("./pages/PartnersPage.tsx"));
const ProcedureEditor = lazy(() => import("./pages/ProcedureEditor.tsx"));
const ProceduresPage = lazy(() => import("./pages/ProceduresPage.tsx"));
const RequestPage = lazy(() => import("./pages/RequestPage.tsx"));
const SettingsPage = lazy(() => import("./pages/SettingsPage.tsx"));

export function App() {
  return (
    <Router base="/mairie">
      <FrameProvider>
        <Suspense fallback={<Busy />}>
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
        </Suspense>
      </FrameProvider>
    </Router>
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

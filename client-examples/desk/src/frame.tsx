import { setZone } from "@espace-citoyens/kit/dates.ts";
import { useBack, useDoor, useLogOut } from "@espace-citoyens/kit/door.tsx";
import { Brand } from "@espace-citoyens/kit/elements/Brand.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Count } from "@espace-citoyens/kit/elements/Count.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { TryAgain } from "@espace-citoyens/kit/elements/TryAgain.tsx";
import { LogOutProblem } from "@espace-citoyens/kit/LogOutProblem.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { DeskFrame, type DeskFrameQuery } from "@espace-citoyens/kit/operations.ts";
import { callProblem, isPassing, type Problem } from "@espace-citoyens/kit/outcome.ts";
import type { CombinedError } from "@urql/core";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { EnrolPage } from "./EnrolPage.tsx";
import { EventsProvider, useUnread } from "./events.tsx";
import { LogInPage } from "./LogInPage.tsx";
import { type Procedure, useEveryProcedure } from "./procedures/every.ts";
import { useWords } from "./wording.ts";

export interface Frame {
  municipality: DeskFrameQuery["municipality"];
  desk: NonNullable<DeskFrameQuery["desk"]>;
  /** All of them, by theme and title. */
  procedures: readonly Procedure[];
  reload: () => void;
  reloadProcedures: () => void;
}

const FrameContext = createContext<Frame | null>(null);

/** Whose site it is, who works there, and what there is to choose from. */
export function useFrame(): Frame {
  const frame = useContext(FrameContext);
  if (frame === null) throw new Error("No FrameProvider above");
  return frame;
}

export function FrameProvider({ children }: { children: ReactNode }) {
  const { language } = useLanguage();
  const [{ data, error }, execute] = useQuery({ query: DeskFrame });
  const reload = () => execute({ requestPolicy: "network-only" });
  const { procedures, problem, readAgain } = useEveryProcedure(Boolean(data?.desk));
  const tryAgain = data ? readAgain : reload;
  const failed = data ? problem : error ? callProblem(error, language) : null;
  useBack(failed && isPassing(failed) ? tryAgain : null);
  if (hasToEnrol(error)) return <EnrolPage />;
  if (data && !data.desk) return <LogInPage municipality={data.municipality.name} />;
  if (!data?.desk || !procedures)
    return (
      <main className="main">
        {failed ? (
          <ProblemNotice problem={failed}>
            <TryAgain onClick={tryAgain} />
          </ProblemNotice>
        ) : (
          <Busy />
        )}
      </main>
    );
  setZone(data.municipality.timezone);
  const { municipality, desk } = data;
  return (
    <FrameContext value={{ municipality, desk, procedures, reload, reloadProcedures: readAgain }}>
      <EventsProvider from={desk.eventCursor}>
        <Header />
        <main id="content" className="main">
          {children}
        </main>
      </EventsProvider>
    </FrameContext>
  );
}

/** Whether the mairie wants a second factor of whoever is logged in, before anything else. */
function hasToEnrol(error: CombinedError | undefined): boolean {
  return error?.graphQLErrors.some((each) => each.extensions?.duty === "ENROL_SECOND_FACTOR") ?? false;
}

function Header() {
  const words = useWords();
  const { language, setLanguage } = useLanguage();
  const { municipality, desk } = useFrame();
  const { reopen } = useDoor();
  const logOut = useLogOut();
  const other = language === "fr" ? "en" : "fr";
  const unread = useUnread();
  const toRead = <Count count={unread} label={words.inbox.unreadCount(unread)} />;
  const [location] = useLocation();
  const [unfolded, setUnfolded] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: folded again, and as before, wherever somebody has gone
  useEffect(() => {
    setUnfolded(false);
    setProblem(null);
  }, [location]);
  return (
    <header className="header">
      <a className="skip" href="#content">
        {words.frame.skip}
      </a>
      <div className="header-inside">
        <Brand municipality={municipality.name} site={words.frame.site} />
        <button
          type="button"
          className="button-second menu"
          aria-expanded={unfolded}
          aria-controls="navigation"
          onClick={() => setUnfolded(!unfolded)}
        >
          {words.frame.menu}
          {!unfolded && toRead}
        </button>
        <nav id="navigation" aria-label={words.frame.main} data-unfolded={unfolded}>
          <Place href="/">
            {words.frame.inbox}
            {toRead}
          </Place>
          <Place href="/agendas">{words.frame.calendars}</Place>
          <Place href="/demarches">{words.frame.procedures}</Place>
          <Place href="/chiffres">{words.frame.figures}</Place>
          <Place href="/reglages">{words.frame.settings}</Place>
          <span className="quiet who">{desk.agent.displayName}</span>
          <button
            type="button"
            className="button-quiet"
            onClick={async () => {
              const problem = await logOut();
              setProblem(problem);
              if (problem === null) reopen();
            }}
          >
            {words.frame.logOut}
          </button>
          <button type="button" className="button-quiet" lang={other} onClick={() => setLanguage(other)}>
            {words.frame.otherLanguage}
          </button>
        </nav>
        <LogOutProblem problem={problem} />
      </div>
    </header>
  );
}

/** A link that says whether it leads to where one is. */
function Place({ href, children }: { href: string; children: ReactNode }) {
  const [location] = useLocation();
  const here =
    href === "/" ? location === "/" || location.startsWith("/demandes/") : location.startsWith(href);
  return (
    <Link href={href} aria-current={here ? "page" : undefined}>
      {children}
    </Link>
  );
}

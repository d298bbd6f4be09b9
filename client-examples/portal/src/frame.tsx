import { setZone } from "@espace-citoyens/kit/dates.ts";
import { useDoor, useLogOut } from "@espace-citoyens/kit/door.tsx";
import { Brand } from "@espace-citoyens/kit/elements/Brand.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { readablePhone } from "@espace-citoyens/kit/form/phone.ts";
import { LogOutProblem } from "@espace-citoyens/kit/LogOutProblem.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { SiteFrame, type SiteFrameQuery } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useShown } from "@espace-citoyens/kit/shown.ts";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { forgetAllPending } from "./filling/pending.ts";
import { Notifications } from "./Notifications.tsx";
import { useWords } from "./wording.ts";

interface Frame extends SiteFrameQuery {
  /** Logged in with a mailed password: nobody yet, until they have chosen their own. */
  mustChangePassword: boolean;
  reload: () => void;
}

const FrameContext = createContext<Frame | null>(null);

/** Whose site it is and who is logged in. */
export function useFrame(): Frame {
  const frame = useContext(FrameContext);
  if (frame === null) throw new Error("No FrameProvider above");
  return frame;
}

/** The frame of every page: name, navigation, language. */
export function FrameProvider({ children }: { children: ReactNode }) {
  // Under it lies what somebody is typing: it stays.
  const { data, error, reload } = useShown(SiteFrame, {});
  if (!data)
    return (
      <main className="main">
        <Waiting error={error} onTryAgain={reload} />
      </main>
    );
  setZone(data.municipality.timezone);
  const mustChangePassword =
    error?.graphQLErrors.some(({ extensions }) => extensions?.duty === "CHANGE_PASSWORD") ?? false;
  const frame = { ...data, mustChangePassword, reload };
  return (
    <FrameContext value={frame}>
      <Header />
      <main id="content" className="main">
        {children}
      </main>
      <Footer />
    </FrameContext>
  );
}

function Header() {
  const words = useWords();
  const { language, setLanguage } = useLanguage();
  const { municipality, me, mustChangePassword } = useFrame();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [path] = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever goes to another page has read it
  useEffect(() => setProblem(null), [path]);
  const isIn = (place: string) => (path.startsWith(place) ? "page" : undefined);
  const other = language === "fr" ? "en" : "fr";
  return (
    <header className="header">
      <a className="skip" href="#content">
        {words.frame.skip}
      </a>
      <div className="header-inside">
        <Brand municipality={municipality.name} site={words.frame.site} />
        <nav aria-label={words.frame.main}>
          <Link href="/demarches" aria-current={isIn("/demarches")}>
            {words.frame.makeRequest}
          </Link>
          {me && (
            <Link href="/mon-espace" aria-current={isIn("/mon-espace")}>
              {words.frame.mySpace}
              <Notifications />
            </Link>
          )}
          {me || mustChangePassword ? (
            <LogOutButton onProblem={setProblem} />
          ) : (
            <Link href="/connexion">{words.frame.logIn}</Link>
          )}
        </nav>
        <button
          type="button"
          className="button-quiet language"
          lang={other}
          onClick={() => setLanguage(other)}
        >
          {words.frame.otherLanguage}
        </button>
        <LogOutProblem problem={problem} />
      </div>
    </header>
  );
}

function LogOutButton({ onProblem }: { onProblem: (problem: Problem | null) => void }) {
  const words = useWords();
  const [, navigate] = useLocation();
  const { reopen } = useDoor();
  const logOut = useLogOut();
  const { municipality } = useFrame();
  const [provider] = municipality.identityProviders;
  // A provider that has opened the session is told of its end: the browser has to go there, and comes back.
  if (provider)
    return (
      <form method="post" action={provider.logOutUrl} onSubmit={forgetAllPending}>
        <button type="submit" className="button-quiet">
          {words.frame.logOut}
        </button>
      </form>
    );
  return (
    <button
      type="button"
      className="button-quiet"
      onClick={async () => {
        const problem = await logOut();
        onProblem(problem);
        if (problem) return;
        forgetAllPending();
        navigate("/");
        reopen();
      }}
    >
      {words.frame.logOut}
    </button>
  );
}

/** Where the mairie is, how to reach it, and what the law wants on each page. */
function Footer() {
  const words = useWords();
  const { name, address, phone, contactEmail, links } = useFrame().municipality;
  return (
    <footer className="footer">
      <address>
        <strong>{name}</strong>
        {address?.lines.map((line) => (
          <span key={line}>{line}</span>
        ))}
        {address && (
          <span>
            {address.postalCode} {address.city}
          </span>
        )}
      </address>
      <ul className="plain">
        <li>{words.frame.contact}</li>
        <li>
          <a href={`mailto:${contactEmail}`}>{contactEmail}</a>
        </li>
        {phone && (
          <li>
            <a href={`tel:${phone}`}>{readablePhone(phone)}</a>
          </li>
        )}
      </ul>
      {links.length > 0 && (
        <ul className="plain">
          {links.map(({ title, url }) => (
            <li key={url}>
              <a href={url}>{title}</a>
            </li>
          ))}
        </ul>
      )}
    </footer>
  );
}

/** The padlock of a procedure that takes an account. */
export function Padlock() {
  const words = useWords();
  return (
    <span className="padlock">
      <Icon name="lock" label={words.catalogue.padlock} />
    </span>
  );
}

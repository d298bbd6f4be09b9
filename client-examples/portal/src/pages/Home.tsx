import { readableDay } from "@espace-citoyens/kit/dates.ts";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { MUNICIPALITY_LANGUAGE, useLanguage } from "@espace-citoyens/kit/language.tsx";
import { Themes as ThemesQuery } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useEffect, useState } from "react";
import { useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { keptDrafts } from "../drafts.ts";
import { useFrame } from "../frame.tsx";
import { LogInForm } from "../LogInForm.tsx";
import { ProcedureSearch } from "../ProcedureSearch.tsx";
import { SitePage } from "../SitePage.tsx";
import { ticketOf } from "../ticket.ts";
import { wayBack } from "../wayBack.ts";
import { useWords } from "../wording.ts";

export function Home() {
  const words = useWords();
  const { municipality, me } = useFrame();
  const { language } = useLanguage();
  const drafts = keptDrafts();
  const erasedAt: unknown = history.state?.erasedAt;
  const [path] = useLocation();
  // Whoever asked to log in is led to where that is done, from this page as well.
  useEffect(() => {
    if (path === "/connexion") document.getElementById("field-username")?.focus();
  }, [path]);
  return (
    <SitePage title={words.home.title(municipality.name)} lead={<ProcedureSearch />}>
      {me === null && typeof erasedAt === "string" && (
        <Notice kind="success">
          <p>{words.closing.closed}</p>
          <p>{words.closing.grace(readableDay(erasedAt, language), municipality.contactEmail)}</p>
        </Notice>
      )}
      <div className="cards">
        <section className="card">
          <h2>{words.home.requestTitle}</h2>
          <p>{words.home.requestText}</p>
          <Themes />
          <Link href="/demarches" className="button">
            {words.home.requestTitle}
          </Link>
          {drafts.length > 0 && (
            <>
              <h3>{words.home.goOn}</h3>
              <p>{words.home.goOnText}</p>
              <ul>
                {drafts.map((draft) => (
                  <li key={draft.ticket}>
                    <Link href={`/demandes/${draft.ticket}/saisie`} lang={MUNICIPALITY_LANGUAGE}>
                      {draft.title}
                    </Link>
                  </li>
                ))}
              </ul>
            </>
          )}
        </section>
        <section className="card">
          <h2>{words.home.ticketTitle}</h2>
          <TicketForm />
        </section>
        {me === null && (
          <>
            <section className="card">
              <h2>{words.home.logInTitle}</h2>
              <LogInForm to={wayBack()} />
            </section>
            <section className="card">
              <h2>{words.home.createAccountTitle}</h2>
              <ul>
                {words.home.why.map((reason) => (
                  <li key={reason}>{reason}</li>
                ))}
              </ul>
              <Link href="/creer-mon-compte" className="button-second">
                {words.home.createAccount}
              </Link>
            </section>
          </>
        )}
      </div>
    </SitePage>
  );
}

/** The catalogue's themes. Without them there is still the way to all of it. */
function Themes() {
  const words = useWords();
  const [{ data }] = useQuery({ query: ThemesQuery });
  if (!data?.procedureCategories.length) return null;
  return (
    <nav aria-label={words.catalogue.themes}>
      <ul className="theme-links">
        {data.procedureCategories.map(({ id, slug, title }) => (
          <li key={id}>
            <Link href={`/demarches#${slug}`} lang={MUNICIPALITY_LANGUAGE}>
              {title}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function TicketForm() {
  const words = useWords();
  const [, navigate] = useLocation();
  const [ticket, setTicket] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const consult = (event: FormEvent) => {
    event.preventDefault();
    const typed = ticketOf(ticket);
    if (typed !== null) return navigate(`/demandes/${typed}`);
    const message = ticket.trim() === "" ? words.home.ticketMissing : words.home.ticketUnknown;
    setProblem({ code: "VALIDATION", message, fields: [{ path: "ticket", message }] });
  };
  return (
    <form onSubmit={consult} noValidate>
      <ProblemNotice problem={problem} />
      <Labelled
        path="ticket"
        label={words.home.ticket}
        help={words.home.ticketHelp}
        messages={messagesAt(problem?.fields ?? [], "ticket")}
      >
        {(described) => (
          <input
            {...described}
            autoComplete="off"
            spellCheck={false}
            autoCapitalize="characters"
            maxLength={100}
            value={ticket}
            onChange={(event) => setTicket(event.target.value)}
          />
        )}
      </Labelled>
      <button type="submit" className="button">
        {words.home.consult}
      </button>
    </form>
  );
}

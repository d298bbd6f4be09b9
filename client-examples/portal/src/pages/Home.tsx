import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { keptDrafts } from "../drafts.ts";
import { useFrame } from "../frame.tsx";
import { LogInForm } from "../LogInForm.tsx";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

export function Home() {
  const words = useWords();
  const { municipality, me } = useFrame();
  const [, navigate] = useLocation();
  const drafts = keptDrafts();
  return (
    <SitePage title={words.home.title(municipality.name)}>
      <div className="cards">
        <section className="card">
          <h2>{words.home.requestTitle}</h2>
          <p>{words.home.requestText}</p>
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
                    <Link href={`/demandes/${draft.ticket}/saisie`}>{draft.title}</Link>
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
              <LogInForm
                onDone={(mustChange) =>
                  navigate(mustChange ? "/mon-espace/identifiants" : whereTo(), { state: { mustChange } })
                }
              />
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

/** Where somebody wanted to go when they were asked to log in: a page of a request, or Mon espace citoyen. */
function whereTo(): string {
  const wanted = new URLSearchParams(location.search).get("retour");
  return wanted?.startsWith("/demandes/") ? wanted : "/mon-espace";
}

function TicketForm() {
  const words = useWords();
  const [, navigate] = useLocation();
  const [ticket, setTicket] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const consult = (event: FormEvent) => {
    event.preventDefault();
    const typed = ticket.trim();
    if (typed === "") setProblem({ code: "VALIDATION", message: words.home.ticketMissing, fields: [] });
    else navigate(`/demandes/${encodeURIComponent(typed)}`);
  };
  return (
    <form onSubmit={consult} noValidate>
      <ProblemNotice problem={problem} />
      <Labelled path="ticket" label={words.home.ticket} help={words.home.ticketHelp}>
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

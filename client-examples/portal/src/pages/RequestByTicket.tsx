import { DoorProvider, useChange } from "@espace-citoyens/kit/door.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import {
  RequestByTicket as ByTicket,
  ClaimRequest,
  type ClaimRequestMutation,
} from "@espace-citoyens/kit/operations.ts";
import type { Outcome, Problem } from "@espace-citoyens/kit/outcome.ts";
import { type ReactNode, useEffect, useState } from "react";
import { useQuery } from "urql";
import { Link, Route, Switch, useLocation } from "wouter";
import { forgetTicket } from "../drafts.ts";
import { Filling } from "../filling/Filling.tsx";
import { useFrame } from "../frame.tsx";
import { RequestView } from "../request/RequestView.tsx";
import { SitePage } from "../SitePage.tsx";
import { ticketOf } from "../ticket.ts";
import { useWords } from "../wording.ts";

/** A request that is consulted by its ticket number: with or without being logged in, it is the ticket that opens it. */
export default function RequestByTicket({ ticket }: { ticket: string }) {
  const typed = ticketOf(ticket);
  // Attached by whoever is logged in, not by whoever holds the ticket: asked for outside the ticket's door.
  const [claim] = useChange(ClaimRequest, (data) => data.claimRequest);
  if (typed === null) return <Unknown />;
  return (
    <DoorProvider ticket={typed}>
      <Found ticket={typed} claim={(claimed) => <Claim ticket={typed} claimed={claimed} claim={claim} />} />
    </DoorProvider>
  );
}

function Found({ ticket, claim }: { ticket: string; claim: (claimed: boolean) => ReactNode }) {
  const [{ data, error }, execute] = useQuery({ query: ByTicket, variables: { ticket } });
  const address = `/demandes/${ticket}`;
  const unknown = error?.graphQLErrors[0]?.extensions?.code === "UNAUTHENTICATED";
  const absent = unknown || data?.requestByTicket === null;
  // Sent or thrown away, perhaps on another device: the home page offers it no longer.
  const over = absent || (data?.requestByTicket && data.requestByTicket.status !== "DRAFT");
  useEffect(() => {
    if (over) forgetTicket(ticket);
  }, [over, ticket]);
  if (absent) return <Unknown />;
  const request = data?.requestByTicket;
  if (!request)
    return <Waiting error={error} onTryAgain={() => execute({ requestPolicy: "network-only" })} />;
  return (
    <Switch>
      <Route path="/demandes/:ticket/saisie">
        <Filling key={request.id} id={request.id} after={address} />
      </Route>
      <Route>
        <RequestView id={request.id} address={address} aside={claim} />
      </Route>
    </Switch>
  );
}

function Unknown() {
  const words = useWords();
  return (
    <SitePage title={words.request.unknown}>
      <ProblemNotice problem={{ code: "NOT_FOUND", message: words.home.ticketUnknown, fields: [] }} />
      <Link href="/" className="button">
        {words.frame.back}
      </Link>
    </SitePage>
  );
}

interface ClaimProperties {
  ticket: string;
  claimed: boolean;
  claim: (variables: { ticket: string }) => Promise<Outcome<ClaimRequestMutation["claimRequest"]>>;
}

/** Me connecter, and Rattacher cette demande à mon compte citoyen: which asks to log in, too, and then is done by a button. */
function Claim({ ticket, claimed, claim }: ClaimProperties) {
  const words = useWords();
  const { me } = useFrame();
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState<Problem | null>(null);
  const logIn = `/connexion?retour=${encodeURIComponent(`/demandes/${ticket}`)}`;
  if (me === null)
    return (
      <>
        <Link href={logIn} className="button-second">
          {words.request.logIn}
        </Link>
        {!claimed && <Link href={logIn}>{words.request.claim}</Link>}
      </>
    );
  if (claimed) return null;
  return (
    <>
      <ProblemNotice problem={problem} />
      <button
        type="button"
        className="button-second"
        onClick={async () => {
          const { success, problem } = await claim({ ticket });
          setProblem(problem);
          if (success) navigate(`/mon-espace/demandes/${success.request.id}?rattachee`);
        }}
      >
        {words.request.claim}
      </button>
    </>
  );
}

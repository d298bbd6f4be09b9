import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Markdown } from "@espace-citoyens/kit/elements/Markdown.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { MUNICIPALITY_LANGUAGE } from "@espace-citoyens/kit/language.tsx";
import { ProcedurePage as Procedure, StartRequest } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useRef, useState } from "react";
import { useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { keepDraft } from "../drafts.ts";
import { Help } from "../filling/Help.tsx";
import { StepNavigation } from "../filling/StepNavigation.tsx";
import { useFrame } from "../frame.tsx";
import { LogInForm } from "../LogInForm.tsx";
import { NotFound } from "../NotFound.tsx";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

/** La démarche: what it is, and the button that begins a request. */
export default function ProcedurePage({ slug }: { slug: string }) {
  const words = useWords();
  const { me } = useFrame();
  const [, navigate] = useLocation();
  const [{ data, error }, execute] = useQuery({ query: Procedure, variables: { slug } });
  const [start, busy] = useChange(StartRequest, (answer) => answer.startRequest);
  const [problem, setProblem] = useState<Problem | null>(null);
  // The same until there is an answer: a second click, or a network that comes back, begins no second draft.
  const key = useRef(crypto.randomUUID());
  if (!data) return <Waiting error={error} onTryAgain={() => execute({ requestPolicy: "network-only" })} />;
  const procedure = data.procedure;
  if (!procedure) return <NotFound />;
  const [first] = procedure.steps;
  const begin = async () => {
    const { success, problem } = await start({ procedure: slug, idempotencyKey: key.current });
    setProblem(problem);
    if (!success) return;
    key.current = crypto.randomUUID();
    if (me) navigate(`/mon-espace/demandes/${success.request.id}/saisie`);
    else {
      keepDraft({ ticket: success.request.ticket, title: procedure.title });
      navigate(`/demandes/${success.request.ticket}/saisie`);
    }
  };
  return (
    <SitePage title={procedure.title} named part={first?.title}>
      <StepNavigation steps={procedure.steps} current="PROCEDURE" done={() => false} onGo={null} />
      <div className="step-head">
        <h2>{first?.title}</h2>
        <Help help={first?.help ?? null} />
      </div>
      <p lang={MUNICIPALITY_LANGUAGE}>{procedure.summary}</p>
      {first?.body && <Markdown text={first.body} />}
      {procedure.estimatedDays !== null && <p>{words.filling.estimated(procedure.estimatedDays)}</p>}
      <ProblemNotice problem={problem} />
      {procedure.state === "CLOSED" ? (
        <Notice kind="information">{words.filling.closed}</Notice>
      ) : procedure.requiresAccount && me === null ? (
        <>
          <Notice kind="information">{words.filling.accountRequired}</Notice>
          <div className="cards">
            <section className="card">
              <LogInForm />
            </section>
            <p>
              <Link href="/creer-mon-compte" className="button-second">
                {words.home.createAccount}
              </Link>
            </p>
          </div>
        </>
      ) : (
        <div className="actions">
          <button type="button" className="button" onClick={begin} disabled={busy}>
            {words.filling.start}
          </button>
        </div>
      )}
    </SitePage>
  );
}

import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskAgents, DeskParkedMails, ResendMail } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { type Agent, AgentForm } from "../AgentForm.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { SettingsPlaces } from "../SettingsPlaces.tsx";
import { useWords } from "../wording.ts";

/** What an agent looks at now and then: mail that was not delivered, and who works at the mairie. */
export default function SettingsPage() {
  const words = useWords();
  return (
    <DeskPage title={words.settings.title}>
      <SettingsPlaces />
      <section>
        <h2>{words.settings.mails}</h2>
        <ParkedMails />
      </section>
      <section>
        <h2>{words.settings.agents}</h2>
        <Agents />
      </section>
    </DeskPage>
  );
}

function ParkedMails() {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return pages.map((after, index) => (
    <ParkedPage
      key={after}
      after={after}
      onMore={index === pages.length - 1 ? (next) => setPages([...pages, next]) : null}
    />
  ));
}

function ParkedPage({ after, onMore }: { after: string | null; onMore: ((after: string) => void) | null }) {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const announce = useAnnounce();
  const [{ data, error }, reload] = useQuery({
    query: DeskParkedMails,
    variables: { after },
    requestPolicy: "network-only",
  });
  const [resend, busy] = useChange(ResendMail, (answer) => answer.resendMail);
  const [problem, setProblem] = useState<Problem | null>(null);
  // Taken away without reading the page again: the first mail of the next one would move up into it.
  const [resent, setResent] = useState<ReadonlySet<string>>(new Set());
  const mails = data?.desk?.parkedMails;
  if (!mails)
    return (
      <Waiting
        error={error}
        nobody={data?.desk === null}
        onTryAgain={() => reload({ requestPolicy: "network-only" })}
      />
    );
  if (after === null && mails.totalCount === resent.size) return <p>{words.settings.noMails}</p>;
  const { endCursor, hasNextPage } = mails.pageInfo;
  return (
    <>
      {after === null && <p>{words.settings.mailsText}</p>}
      <ProblemNotice problem={problem} />
      <ul className="plain">
        {mails.nodes
          .filter((mail) => !resent.has(mail.id))
          .map((mail) => (
            <li key={mail.id} className="card">
              <strong>{mail.recipient}</strong>{" "}
              <span className="quiet">
                {readableInstant(mail.createdAt, language)}, {words.settings.attempts(mail.attempts)}
                {colon}
                {mail.lastError}
              </span>
              <button
                type="button"
                className="button-quiet"
                aria-label={`${words.agents.resend}${colon}${mail.recipient}`}
                disabled={busy}
                onClick={async () => {
                  const { success, problem } = await resend({ mail: mail.id });
                  setProblem(problem);
                  if (!success) return reload({ requestPolicy: "network-only" });
                  announce(words.agents.resent);
                  setResent(new Set([...resent, mail.id]));
                }}
              >
                {words.agents.resend}
              </button>
              {mail.request && (
                <p>
                  <Link href={`/demandes/${mail.request.id}`}>{mail.request.ticket}</Link>
                </p>
              )}
            </li>
          ))}
      </ul>
      {hasNextPage && endCursor !== null && onMore && (
        <button type="button" className="button-second" onClick={() => onMore(endCursor)}>
          {words.inbox.more}
        </button>
      )}
    </>
  );
}

function Agents() {
  const words = useWords();
  const announce = useAnnounce();
  const { desk, reload } = useFrame();
  const [{ data, error }, execute] = useQuery({ query: DeskAgents, requestPolicy: "network-only" });
  const [opened, setOpened] = useState<"new" | Agent | null>(null);
  const agents = data?.desk?.agents;
  if (!agents)
    return (
      <Waiting
        error={error}
        nobody={data?.desk === null}
        onTryAgain={() => execute({ requestPolicy: "network-only" })}
      />
    );
  const writes = desk.agent.role === "ADMINISTRATOR";
  return (
    <>
      {writes && (
        <button type="button" className="button-second" onClick={() => setOpened("new")}>
          {words.agents.add}
        </button>
      )}
      <ul className="plain">
        {agents.map((agent) => (
          <li key={agent.id}>
            <strong>{agent.displayName}</strong> – {words.settings.roles[agent.role]}
            {!agent.active && <span className="quiet"> ({words.agents.inactive})</span>}{" "}
            {writes && (
              <button type="button" className="button-quiet" onClick={() => setOpened(agent)}>
                {words.agents.change(agent.displayName)}
              </button>
            )}
            {agent.role === "HANDLER" && agent.procedures.length > 0 && (
              <p className="quiet">{agent.procedures.map((procedure) => procedure.title).join(", ")}</p>
            )}
          </li>
        ))}
      </ul>
      {opened !== null && (
        <AgentForm
          agent={opened === "new" ? null : opened}
          onClose={() => setOpened(null)}
          onSaved={() => {
            announce(words.frame.saved);
            execute({ requestPolicy: "network-only" });
            reload();
          }}
        />
      )}
    </>
  );
}

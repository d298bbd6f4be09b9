import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { DeskParkedMails } from "@espace-citoyens/kit/operations.ts";
import { useQuery } from "urql";
import { Link } from "wouter";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";

/** What an agent looks at now and then: mail that was not delivered, and who works at the mairie. */
export default function SettingsPage() {
  const words = useWords();
  const { desk } = useFrame();
  return (
    <DeskPage title={words.settings.title}>
      <section>
        <h2>{words.settings.mails}</h2>
        <ParkedMails />
      </section>
      <section>
        <h2>{words.settings.agents}</h2>
        <ul className="plain">
          {desk.agents.map((agent) => (
            <li key={agent.id}>
              <strong>{agent.displayName}</strong> – {words.settings.roles[agent.role]}
            </li>
          ))}
        </ul>
      </section>
    </DeskPage>
  );
}

function ParkedMails() {
  const words = useWords();
  const { language } = useLanguage();
  const [{ data }] = useQuery({ query: DeskParkedMails, variables: {}, requestPolicy: "network-only" });
  const mails = data?.desk?.parkedMails;
  if (!mails) return <Busy />;
  if (mails.totalCount === 0) return <p>{words.settings.noMails}</p>;
  return (
    <>
      <p>{words.settings.mailsText}</p>
      <ul className="plain">
        {mails.nodes.map((mail) => (
          <li key={mail.id} className="card">
            <strong>{mail.recipient}</strong>{" "}
            <span className="quiet">
              {readableInstant(mail.createdAt, language)}, {words.settings.attempts(mail.attempts)} :{" "}
              {mail.lastError}
            </span>
            {mail.request && (
              <p>
                <Link href={`/demandes/${mail.request.id}`}>{mail.request.ticket}</Link>
              </p>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

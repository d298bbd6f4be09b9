import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskSecurity, type DeskSecurityQuery } from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { Agents } from "../access/Agents.tsx";
import { OwnFactor } from "../access/OwnFactor.tsx";
import { OwnPassword } from "../access/OwnPassword.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { SettingsPlaces } from "../SettingsPlaces.tsx";
import { useWords } from "../wording.ts";

/** How agents log in: the caller's second factor, those of others, and what happened to them. */
export default function AccessPage() {
  const words = useWords();
  const { desk } = useFrame();
  const [security, readAgain, instead] = useSecurity(null);
  return (
    <DeskPage title={words.access.title}>
      <SettingsPlaces />
      <section>
        <h2>{words.access.password}</h2>
        <OwnPassword onChanged={readAgain} />
      </section>
      <section>
        <h2>{words.access.own}</h2>
        <OwnFactor onChanged={readAgain} />
      </section>
      {instead}
      {security && desk.agent.role === "ADMINISTRATOR" && (
        <section>
          <h2>{words.access.agents}</h2>
          <Agents
            without={new Set(security.agentsWithoutSecondFactor.map((agent) => agent.id))}
            onChanged={readAgain}
          />
        </section>
      )}
      {security && (
        <section>
          <h2>{words.access.events}</h2>
          {security.securityEvents.nodes.length === 0 ? (
            <p>{words.access.noEvents}</p>
          ) : (
            // Where something has happened meanwhile, the later pages would begin elsewhere.
            <Events key={security.securityEvents.nodes[0]?.id} page={security.securityEvents} />
          )}
        </section>
      )}
    </DeskPage>
  );
}

/** From an event on: what was read, how to read it again, and what to show until it is there. */
function useSecurity(after: string | null) {
  const [{ data, error }, execute] = useQuery({
    query: DeskSecurity,
    variables: { after },
    requestPolicy: "network-only",
  });
  const readAgain = () => execute({ requestPolicy: "network-only" });
  const instead = data?.desk ? null : (
    <Waiting error={error} nobody={data?.desk === null} onTryAgain={readAgain} />
  );
  return [data?.desk, readAgain, instead] as const;
}

type Page = NonNullable<DeskSecurityQuery["desk"]>["securityEvents"];

/** A page of what happened, the latest first, and the next one once it is asked for: the focus goes on to that. */
function Events({ page, asked = false }: { page: Page; asked?: boolean }) {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const [further, setFurther] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    if (asked) list.current?.focus();
  }, [asked]);
  const { hasNextPage, endCursor } = page.pageInfo;
  return (
    <>
      <ul ref={list} tabIndex={-1} className="plain events">
        {page.nodes.map((event) => (
          <li key={event.id}>
            {readableInstant(event.createdAt, language)} – <strong>{event.agent.displayName}</strong>
            {colon}
            {words.access.kinds[event.kind]}
            {event.by && event.by.id !== event.agent.id && ` (${event.by.displayName})`}
          </li>
        ))}
      </ul>
      {further && <FurtherEvents after={endCursor} />}
      {hasNextPage && !further && (
        <button type="button" className="button-second" onClick={() => setFurther(true)}>
          {words.inbox.more}
        </button>
      )}
    </>
  );
}

function FurtherEvents({ after }: { after: string | null }) {
  const [security, , instead] = useSecurity(after);
  return security ? <Events page={security.securityEvents} asked /> : instead;
}

import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useRead } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskSecurity, type DeskSecurityQuery } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useCallback, useEffect, useState } from "react";
import { Agents } from "../access/Agents.tsx";
import { OwnFactor } from "../access/OwnFactor.tsx";
import { OwnPassword } from "../access/OwnPassword.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { SettingsPlaces } from "../SettingsPlaces.tsx";
import { useWords } from "../wording.ts";

type Security = NonNullable<DeskSecurityQuery["desk"]>;
type Event = Security["securityEvents"]["nodes"][number];

/** How agents log in: the caller's second factor, those of others, and what happened to them. */
export default function AccessPage() {
  const words = useWords();
  const { desk } = useFrame();
  const { security, events, problem, readAgain, readMore } = useSecurity();
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
      <ProblemNotice problem={problem} />
      {!security && !problem && <Busy />}
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
          <Events events={events} />
          {security.securityEvents.pageInfo.hasNextPage && (
            <button type="button" className="button-second" onClick={readMore}>
              {words.inbox.more}
            </button>
          )}
        </section>
      )}
    </DeskPage>
  );
}

/** What was read last, and the events of all pages that were asked for. */
function useSecurity() {
  const read = useRead();
  const [security, setSecurity] = useState<Security | null>(null);
  const [events, setEvents] = useState<readonly Event[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const readFrom = useCallback(
    async (after: string | null) => {
      const { data, problem } = await read(DeskSecurity, { after });
      setProblem(problem);
      if (!data?.desk) return;
      const found = data.desk;
      setSecurity(found);
      setEvents((before) => [...(after ? before : []), ...found.securityEvents.nodes]);
    },
    [read],
  );
  const readAgain = useCallback(() => void readFrom(null), [readFrom]);
  useEffect(readAgain, [readAgain]);
  return {
    security,
    events,
    problem,
    readAgain,
    readMore: () => readFrom(security?.securityEvents.pageInfo.endCursor ?? null),
  };
}

function Events({ events }: { events: readonly Event[] }) {
  const words = useWords().access;
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  if (events.length === 0) return <p>{words.noEvents}</p>;
  return (
    <ul className="plain events">
      {events.map((event) => (
        <li key={event.id}>
          {readableInstant(event.createdAt, language)} – <strong>{event.agent.displayName}</strong>
          {colon}
          {words.kinds[event.kind]}
          {event.by && event.by.id !== event.agent.id && ` (${event.by.displayName})`}
        </li>
      ))}
    </ul>
  );
}

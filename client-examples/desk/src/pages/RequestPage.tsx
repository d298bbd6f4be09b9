import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useFollow } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Attachments } from "@espace-citoyens/kit/files/Attachments.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskRequest, type DeskRequestQuery, RequestEvents } from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { Connection } from "@espace-citoyens/kit/request/Connection.tsx";
import { Exchanges } from "@espace-citoyens/kit/request/Exchanges.tsx";
import { HistoryPages, told } from "@espace-citoyens/kit/request/History.tsx";
import { labelsByField, Summary } from "@espace-citoyens/kit/request/Summary.tsx";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { useShown } from "@espace-citoyens/kit/shown.ts";
import { useState } from "react";
import { Absent } from "../Absent.tsx";
import { Appointments } from "../Appointments.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { Assignee } from "../request/Assignee.tsx";
import { Citizen } from "../request/Citizen.tsx";
import { InTheList } from "../request/InTheList.tsx";
import { Status, type StatusChoice } from "../request/Status.tsx";
import { useStatuses } from "../statuses.ts";
import { useWords } from "../wording.ts";

type Request = NonNullable<DeskRequestQuery["request"]>;

/** What brings a request to its next version, and so comes between whoever decides and their decision. */
const OVERTAKING = new Set(["RequestStatusChanged", "RequestAssigned", "RequestClaimed"]);

/** A request as an agent handles it, kept up to date while it is open. */
export default function RequestPage({ id }: { id: string }) {
  const words = useWords();
  const statuses = useStatuses();
  const wording = useWording(WORDING);
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const { language } = useLanguage();
  const { municipality, desk } = useFrame();
  const { data, error, stale, reload } = useShown(DeskRequest, { request: id });
  const [choice, setChoice] = useState<StatusChoice | null>(null);
  const [news, setNews] = useState("");
  const [from, setFrom] = useState<string | null>(null);
  const request = data?.request;
  const cursor = request?.latest.pageInfo.endCursor ?? null;
  // From the last event of the page as it was read now: what is shown from the start is no news to anybody.
  if (from === null && cursor !== null && !stale) setFrom(cursor);
  useFollow(
    RequestEvents,
    from ? { request: id, after: from } : null,
    ({ requestEvents: event }, variables) => {
      variables.after = event.cursor;
      reload();
      // What the agent does is told where it is done.
      if (event.agent?.id === desk.agent.id) return;
      const sentence = `${event.agent ? `${event.agent.displayName}${colon}` : ""}${told(event)}`;
      if (event.__typename === "ExchangePosted")
        announce(`${wording.arrived(event.exchange.authorName)}${colon}${event.exchange.body}`);
      else if (event.__typename !== "ExchangesRead" || event.actor === "CITIZEN") announce(sentence);
      if (OVERTAKING.has(event.__typename)) setNews(sentence);
    },
  );
  if (request === null)
    return (
      <Absent title={words.request.unknown}>
        <InTheList id={id} />
      </Absent>
    );
  if (!request) return <Waiting error={error} onTryAgain={reload} />;
  const choose = (next: StatusChoice | null) => {
    if (choice === null) setNews("");
    setChoice(next);
  };
  // One's own assignment leaves one's choice as it was.
  const goOn = (version: number) =>
    setChoice((before) => (before?.version === version - 1 ? { ...before, version } : before));
  const may = (action: Request["permittedActions"][number]) => request.permittedActions.includes(action);
  const { contact } = request;
  const applicant = contact ? ` – ${contact.firstName} ${contact.lastName}` : "";
  return (
    <DeskPage title={`${request.procedure.title}${applicant}`}>
      <InTheList id={id} />
      <p>
        <span className="status" data-status={request.status}>
          {statuses[request.status]}
        </span>{" "}
        {words.request.ticket} <strong className="ticket">{request.ticket}</strong>{" "}
        {request.submittedAt && words.request.received(readableInstant(request.submittedAt, language))}
      </p>
      <Connection behind={error !== undefined} />
      <div className="two-columns">
        <div>
          <section className="card">
            <h2>{words.request.form}</h2>
            <Summary sections={request.summary} heading="h3" />
          </section>
          <section className="card">
            <h2>{words.request.exchanges}</h2>
            <Exchanges
              request={request.id}
              side="desk"
              exchanges={request.exchanges.nodes}
              pageInfo={request.exchanges.pageInfo}
              mayPost={may("POST_EXCHANGE")}
              onChange={reload}
            />
          </section>
        </div>
        <div>
          {may("CHANGE_STATUS") && (
            <Status request={request} choice={choice} onChoose={choose} news={news} reload={reload} />
          )}
          {may("ASSIGN") && <Assignee request={request} onAssigned={goOn} reload={reload} />}
          <Citizen contact={contact} />
          <Appointments request={request} reload={reload} />
          <section className="card">
            <h2>{words.request.attachments}</h2>
            <Attachments
              request={request.id}
              attachments={request.attachments}
              limits={municipality.upload}
              labels={labelsByField(request.summary)}
              mayAdd={may("ADD_ATTACHMENT")}
              chooseStored={null}
              onChange={reload}
            />
          </section>
          <section className="card">
            <h2>{words.request.history}</h2>
            <HistoryPages request={request.id} first={request.history} />
          </section>
        </div>
      </div>
    </DeskPage>
  );
}

import { readableDate, readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange, useFollow } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Attachments } from "@espace-citoyens/kit/files/Attachments.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { WORDING as FORM } from "@espace-citoyens/kit/form/wording.ts";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  AssignRequest,
  ChangeRequestStatus,
  DeskRequest,
  type DeskRequestQuery,
  RequestEvents,
  type RequestStatus,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { Connection } from "@espace-citoyens/kit/request/Connection.tsx";
import { Exchanges } from "@espace-citoyens/kit/request/Exchanges.tsx";
import { HistoryPages } from "@espace-citoyens/kit/request/History.tsx";
import { labelsByField, Summary } from "@espace-citoyens/kit/request/Summary.tsx";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { Absent } from "../Absent.tsx";
import { Appointments } from "../Appointments.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { InTheList } from "../request/InTheList.tsx";
import { useStatuses } from "../statuses.ts";
import { useWords } from "../wording.ts";

type Request = NonNullable<DeskRequestQuery["request"]>;

/** A request as an agent handles it, kept up to date while it is open. */
export default function RequestPage({ id }: { id: string }) {
  const words = useWords();
  const statuses = useStatuses();
  const wording = useWording(WORDING);
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const { language } = useLanguage();
  const { municipality } = useFrame();
  const [{ data, error, stale }, execute] = useQuery({ query: DeskRequest, variables: { request: id } });
  const [from, setFrom] = useState<string | null>(null);
  const request = data?.request;
  const cursor = request?.latest.pageInfo.endCursor ?? null;
  // From the last event of the page as it was read now: what is shown from the start is no news to anybody.
  if (from === null && cursor !== null && !stale) setFrom(cursor);
  const reload = () => execute({ requestPolicy: "network-only" });
  useFollow(
    RequestEvents,
    from ? { request: id, after: from } : null,
    ({ requestEvents: event }, variables) => {
      variables.after = event.cursor;
      if (event.__typename === "ExchangePosted" && event.actor === "CITIZEN")
        announce(`${wording.arrived(event.exchange.authorName)}${colon}${event.exchange.body}`);
      else if (event.actor === "CITIZEN") announce(event.description);
      reload();
    },
  );
  if (request === null)
    return (
      <Absent title={words.request.unknown}>
        <InTheList id={id} />
      </Absent>
    );
  if (!request) return <Waiting error={error} onTryAgain={reload} />;
  const may = (action: Request["permittedActions"][number]) => request.permittedActions.includes(action);
  return (
    <DeskPage title={request.procedure.title}>
      <InTheList id={id} />
      <p>
        <span className="status" data-status={request.status}>
          {statuses[request.status]}
        </span>{" "}
        {words.request.ticket} <strong className="ticket">{request.ticket}</strong>{" "}
        {request.submittedAt && words.request.received(readableInstant(request.submittedAt, language))}
      </p>
      <Connection />
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
          {may("CHANGE_STATUS") && <Status request={request} onChange={reload} />}
          {may("ASSIGN") && <Assignee request={request} onChange={reload} />}
          <Citizen request={request} />
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

function Citizen({ request }: { request: Request }) {
  const words = useWords();
  const form = useWording(FORM);
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const { contact } = request;
  if (contact === null) return null;
  const preferred = (method: string) =>
    contact.preferredContactMethod === method ? ` (${words.request.preferred})` : "";
  return (
    <section className="card">
      <h2>{words.request.citizen}</h2>
      <p>
        <strong>
          {contact.firstName} {contact.lastName}
        </strong>
      </p>
      <ul className="plain">
        {contact.email && (
          <li>
            <a href={`mailto:${contact.email}`}>{contact.email}</a>
            {preferred("EMAIL")}
          </li>
        )}
        {contact.mobilePhone && (
          <li>
            <a href={`tel:${contact.mobilePhone}`}>{readablePhone(contact.mobilePhone)}</a>
            {preferred("MOBILE_PHONE")}
          </li>
        )}
        {contact.landlinePhone && (
          <li>
            <a href={`tel:${contact.landlinePhone}`}>{readablePhone(contact.landlinePhone)}</a>
            {preferred("LANDLINE_PHONE")}
          </li>
        )}
        {contact.address && (
          <li>
            {[...contact.address.lines, `${contact.address.postalCode} ${contact.address.city}`].join(", ")}
            {preferred("POST")}
          </li>
        )}
        {contact.birthDate && (
          <li>
            {form.birthDate}
            {colon}
            {readableDate(contact.birthDate, language)}
          </li>
        )}
      </ul>
    </section>
  );
}

function Status({ request, onChange }: { request: Request; onChange: () => void }) {
  const words = useWords();
  const statuses = useStatuses();
  const announce = useAnnounce();
  const [change, busy] = useChange(ChangeRequestStatus, (data) => data.changeRequestStatus);
  const [status, setStatus] = useState<RequestStatus | "">("");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [conflict, setConflict] = useState(false);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (status === "") return;
    const { success, problem } = await change({
      request: request.id,
      version: request.version,
      status,
      reason: reason.trim() || null,
    });
    setConflict(problem?.code === "CONFLICT");
    setProblem(problem?.code === "CONFLICT" ? null : problem);
    if (success) {
      announce(words.request.statusNow(statuses[success.request.status]));
      setStatus("");
      setReason("");
    }
    onChange();
  };
  return (
    <section className="card">
      <h2>{words.request.changeStatus}</h2>
      {conflict && <Notice kind="warning">{words.request.changed}</Notice>}
      <ProblemNotice problem={problem} />
      <form onSubmit={send} noValidate>
        <Labelled path="status" label={words.request.newStatus}>
          {(described) => (
            <select
              {...described}
              value={status}
              onChange={(event) => setStatus(event.target.value as RequestStatus)}
            >
              <option value="" />
              {request.permittedStatuses.map((each) => (
                <option key={each} value={each}>
                  {statuses[each]}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <Labelled
          path="reason"
          label={words.request.reason}
          messages={messagesAt(problem?.fields ?? [], "reason")}
        >
          {(described) => (
            <textarea
              {...described}
              rows={2}
              maxLength={1000}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Labelled>
        <button type="submit" className="button" disabled={busy || status === ""}>
          {words.request.change}
        </button>
      </form>
    </section>
  );
}

function Assignee({ request, onChange }: { request: Request; onChange: () => void }) {
  const words = useWords();
  const announce = useAnnounce();
  const { desk } = useFrame();
  const [assign, busy] = useChange(AssignRequest, (data) => data.assignRequest);
  const assigned = request.assignee?.id ?? "";
  const [chosen, setChosen] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const agent = chosen ?? assigned;
  // Not at each choice: the keyboard passes by everybody on the way to somebody.
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await assign({ request: request.id, agent: agent || null });
    setProblem(problem);
    if (success) {
      announce(words.request.assigned(success.request.assignee?.displayName ?? words.request.nobody));
      setChosen(null);
    }
    onChange();
  };
  return (
    <section className="card">
      <h2>{words.request.assignment}</h2>
      <ProblemNotice problem={problem} />
      <form onSubmit={send} noValidate>
        <Labelled path="assignee" label={words.request.assign}>
          {(described) => (
            <select {...described} value={agent} onChange={(event) => setChosen(event.target.value)}>
              <option value="">{words.request.nobody}</option>
              {desk.agents
                .filter(({ active, id }) => active || id === assigned)
                .map((each) => (
                  <option key={each.id} value={each.id}>
                    {each.displayName}
                  </option>
                ))}
            </select>
          )}
        </Labelled>
        <button type="submit" className="button" disabled={busy || agent === assigned}>
          {words.request.putInCharge}
        </button>
      </form>
    </section>
  );
}

/** 02 61 91 00 45, as it is dialled in France; others as they are. */
function readablePhone(number: string): string {
  return number.replace(/^\+33(\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "0$1 $2 $3 $4 $5");
}

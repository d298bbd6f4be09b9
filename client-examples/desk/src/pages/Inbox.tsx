import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useFollow } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  DeskEvents,
  DeskInbox,
  type DeskInboxQuery,
  type DeskRequestFilter,
  type RequestStatus,
} from "@espace-citoyens/kit/operations.ts";
import { callProblem } from "@espace-citoyens/kit/outcome.ts";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { Link, useSearchParams } from "wouter";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";

const STATUSES: RequestStatus[] = [
  "SUBMITTED",
  "IN_PROGRESS",
  "AWAITING_CITIZEN",
  "ACCEPTED",
  "REFUSED",
  "CANCELLED",
];

/** The requests of the agent's procedures, by any filter. The filter is in the address: it can be kept, and gone back to. */
export function Inbox() {
  const words = useWords();
  const announce = useAnnounce();
  const { desk } = useFrame();
  const [fresh, setFresh] = useState(false);
  const [search, setSearch] = useSearchParams();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const [read, setRead] = useState(0);
  const filter = filterOf(search);
  useFollow(DeskEvents, { after: desk.eventCursor }, ({ deskEvents: event }, variables) => {
    variables.after = event.cursor;
    if (event.actor === "MUNICIPALITY") return;
    announce(`${event.request.procedure.title} : ${event.description}`);
    setFresh(true);
  });
  const show = () => {
    setFresh(false);
    setPages([null]);
    setRead(read + 1);
  };
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    setPages([null]);
    setSearch(next, { replace: true });
  };
  return (
    <DeskPage title={words.inbox.title}>
      <Filters search={search} onSet={set} />
      {fresh && (
        <Notice kind="information">
          {words.inbox.fresh}{" "}
          <button type="button" className="button-second" onClick={show}>
            {words.frame.tryAgain}
          </button>
        </Notice>
      )}
      <table className="requests-table">
        <thead>
          <tr>
            {Object.entries(words.inbox.columns).map(([name, title]) => (
              <th key={name} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        {pages.map((after, index) => (
          <PageOfRequests
            key={`${read} ${after} ${search}`}
            filter={filter}
            after={after}
            first={index === 0}
            onMore={index === pages.length - 1 ? (next) => setPages([...pages, next]) : null}
          />
        ))}
      </table>
    </DeskPage>
  );
}

function filterOf(search: URLSearchParams): DeskRequestFilter {
  const status = search.get("etat");
  return {
    search: search.get("recherche"),
    status: status ? [status as RequestStatus] : null,
    procedure: search.get("demarche"),
    assignee: search.get("agent"),
    unread: search.has("a-lire") ? true : null,
    archived: search.has("archivees"),
  };
}

function Filters({
  search,
  onSet,
}: {
  search: URLSearchParams;
  onSet: (name: string, value: string) => void;
}) {
  const words = useWords();
  const wording = useWording(WORDING);
  const { desk } = useFrame();
  const [typed, setTyped] = useState(search.get("recherche") ?? "");
  return (
    <search aria-label={words.inbox.filters}>
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          onSet("recherche", typed.trim());
        }}
      >
        <Labelled path="recherche" label={words.inbox.search}>
          {(described) => (
            <input
              {...described}
              type="search"
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
              onBlur={() => onSet("recherche", typed.trim())}
            />
          )}
        </Labelled>
        <Labelled path="etat" label={words.inbox.status}>
          {(described) => (
            <select
              {...described}
              value={search.get("etat") ?? ""}
              onChange={(event) => onSet("etat", event.target.value)}
            >
              <option value="">{words.inbox.every}</option>
              {STATUSES.map((status) => (
                <option key={status} value={status}>
                  {wording.status[status]}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <Labelled path="demarche" label={words.inbox.procedure}>
          {(described) => (
            <select
              {...described}
              value={search.get("demarche") ?? ""}
              onChange={(event) => onSet("demarche", event.target.value)}
            >
              <option value="">{words.inbox.everyProcedure}</option>
              {desk.procedures.nodes.map((procedure) => (
                <option key={procedure.id} value={procedure.id}>
                  {procedure.title}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <Labelled path="agent" label={words.inbox.assignee}>
          {(described) => (
            <select
              {...described}
              value={search.get("agent") ?? ""}
              onChange={(event) => onSet("agent", event.target.value)}
            >
              <option value="">{words.inbox.everybody}</option>
              {desk.agents.map((agent) => (
                <option key={agent.id} value={agent.id}>
                  {agent.displayName}
                  {agent.id === desk.agent.id ? ` (${words.inbox.me})` : ""}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <label className="option">
          <input
            type="checkbox"
            checked={search.has("a-lire")}
            onChange={(event) => onSet("a-lire", event.target.checked ? "1" : "")}
          />
          {words.inbox.unread}
        </label>
        <label className="option">
          <input
            type="checkbox"
            checked={search.has("archivees")}
            onChange={(event) => onSet("archivees", event.target.checked ? "1" : "")}
          />
          {words.inbox.archived}
        </label>
      </form>
    </search>
  );
}

interface PageProperties {
  filter: DeskRequestFilter;
  after: string | null;
  first: boolean;
  onMore: ((after: string) => void) | null;
}

function PageOfRequests({ filter, after, first, onMore }: PageProperties) {
  const words = useWords();
  const { language } = useLanguage();
  const [{ data, error }] = useQuery({
    query: DeskInbox,
    variables: { filter, after, unreadFirst: true },
    requestPolicy: "network-only",
  });
  const page = data?.desk?.requests;
  const columns = Object.keys(words.inbox.columns).length;
  if (!page)
    return (
      <tbody>
        <tr>
          <td colSpan={columns}>
            {error ? <ProblemNotice problem={callProblem(error, language)} /> : <Busy />}
          </td>
        </tr>
      </tbody>
    );
  const { endCursor, hasNextPage } = page.pageInfo;
  return (
    <tbody>
      {first && (
        <tr className="count-line">
          <td colSpan={columns} role="status">
            {words.inbox.count(page.totalCount)}
          </td>
        </tr>
      )}
      {page.nodes.map((request) => (
        <RequestRow key={request.id} request={request} />
      ))}
      {hasNextPage && endCursor !== null && onMore && (
        <tr>
          <td colSpan={columns}>
            <button type="button" className="button-second" onClick={() => onMore(endCursor)}>
              {words.inbox.more}
            </button>
          </td>
        </tr>
      )}
    </tbody>
  );
}

function RequestRow({
  request,
}: {
  request: NonNullable<DeskInboxQuery["desk"]>["requests"]["nodes"][number];
}) {
  const words = useWords();
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  return (
    <tr>
      <td data-label={words.inbox.columns.request}>
        <Link href={`/demandes/${request.id}`}>{request.procedure.title}</Link>
        {request.unreadExchangeCount > 0 && (
          <span className="to-read">
            {" "}
            <Icon name="received-unread" /> {words.inbox.unreadCount(request.unreadExchangeCount)}
          </span>
        )}
      </td>
      <td data-label={words.inbox.columns.citizen}>
        {request.contact ? `${request.contact.firstName} ${request.contact.lastName}` : "—"}
      </td>
      <td data-label={words.inbox.columns.status}>
        <span className="status" data-status={request.status}>
          {wording.status[request.status]}
        </span>
      </td>
      <td data-label={words.inbox.columns.assignee}>{request.assignee?.displayName ?? "—"}</td>
      <td data-label={words.inbox.columns.submitted}>
        {request.submittedAt && readableInstant(request.submittedAt, language)}
      </td>
    </tr>
  );
}

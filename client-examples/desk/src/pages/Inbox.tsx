import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Notice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  DeskInbox,
  type DeskInboxQuery,
  type DeskRequestFilter,
  type RequestStatus,
} from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { Connection } from "@espace-citoyens/kit/request/Connection.tsx";
import { type Ref, useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { Link, useSearchParams } from "wouter";
import { DeskPage } from "../DeskPage.tsx";
import { useDeskEvents } from "../events.tsx";
import { useFrame } from "../frame.tsx";
import { byCategory } from "../procedures/every.ts";
import { useStatuses } from "../statuses.ts";
import { useSoon } from "../useSoon.ts";
import { useWords } from "../wording.ts";

const STATUSES: RequestStatus[] = [
  "SUBMITTED",
  "IN_PROGRESS",
  "AWAITING_CITIZEN",
  "ACCEPTED",
  "REFUSED",
  "CANCELLED",
];
const COLUMNS = 5;
const REFRESH_MILLISECONDS = 500;

/**
 * The requests of the agent's procedures, by any filter. The filter is in the address: it can be kept, and gone back to.
 *
 * What happens meanwhile appears by itself while the first page alone is shown; further down, nothing moves unasked.
 */
export function Inbox() {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const [fresh, setFresh] = useState(false);
  const [search, setSearch] = useSearchParams();
  const [later, setLater] = useState<string[]>([]);
  const filter = filterOf(search);
  const [{ data, error, fetching }, execute] = useQuery({
    query: DeskInbox,
    variables: { filter, after: null, unreadFirst: true },
    requestPolicy: "network-only",
  });
  const page = data?.desk?.requests;
  const refresh = () => execute({ requestPolicy: "network-only" });
  const refreshSoon = useSoon(refresh, REFRESH_MILLISECONDS);
  useDeskEvents((event) => {
    if (event.actor !== "MUNICIPALITY")
      announce(`${event.request.procedure.title}${colon}${event.description}`);
    if (later.length === 0) refreshSoon();
    else setFresh(true);
  });
  const show = () => {
    setFresh(false);
    setLater([]);
    refresh();
  };
  const set = (name: string, value: string) => {
    if (value === (search.get(name) ?? "")) return;
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    setFresh(false);
    setLater([]);
    setSearch(next, { replace: true });
  };
  return (
    <DeskPage title={words.inbox.title}>
      <Filters search={search} onSet={set} />
      <Connection />
      {fresh && (
        <Notice kind="information">
          {words.inbox.fresh}{" "}
          <button type="button" className="button-second" onClick={show}>
            {words.inbox.show}
          </button>
        </Notice>
      )}
      <p role="status">{page && words.inbox.count(page.totalCount)}</p>
      {!page && <Waiting error={error} nobody={data?.desk === null} onTryAgain={refresh} />}
      {page && page.totalCount > 0 && (
        <table className="requests-table" aria-busy={fetching}>
          <caption className="for-screen-readers">{words.inbox.title}</caption>
          <thead>
            <tr>
              {Object.entries(words.inbox.columns).map(([name, title]) => (
                <th key={name} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <Rows page={page} onMore={later.length === 0 ? (next) => setLater([next]) : null} />
          {later.map((after, index) => (
            <LaterPage
              key={`${after} ${search}`}
              filter={filter}
              after={after}
              onMore={index === later.length - 1 ? (next) => setLater([...later, next]) : null}
            />
          ))}
        </table>
      )}
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
  const statuses = useStatuses();
  const { desk, procedures } = useFrame();
  const sought = search.get("recherche") ?? "";
  const [{ typed, before }, setTyped] = useState({ typed: sought, before: sought });
  // What is sought has changed otherwise, by a link or the browser's arrows: the field says what the list shows.
  if (before !== sought) setTyped({ typed: sought, before: sought });
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
            <span className="search-box">
              <input
                {...described}
                type="search"
                value={typed}
                onChange={(event) => setTyped({ typed: event.target.value, before })}
                onBlur={() => onSet("recherche", typed.trim())}
              />
              <button type="submit" className="button">
                <Icon name="search" label={words.inbox.find} />
              </button>
            </span>
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
                  {statuses[status]}
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
              {byCategory(procedures).map(([category, inside]) => (
                <optgroup key={category.slug} label={category.title}>
                  {inside.map((procedure) => (
                    <option key={procedure.id} value={procedure.id}>
                      {procedure.title}
                    </option>
                  ))}
                </optgroup>
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
        <div>
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
        </div>
      </form>
    </search>
  );
}

interface PageProperties {
  filter: DeskRequestFilter;
  after: string;
  onMore: ((after: string) => void) | null;
}

/** What follows the first page. The focus goes on from the button that asked for it to the first of its requests. */
function LaterPage({ filter, after, onMore }: PageProperties) {
  const rows = useRef<HTMLTableSectionElement>(null);
  const [{ data, error }, execute] = useQuery({
    query: DeskInbox,
    variables: { filter, after, unreadFirst: true },
    requestPolicy: "network-only",
  });
  const page = data?.desk?.requests;
  const arrived = page !== undefined;
  useEffect(() => {
    if (arrived) rows.current?.querySelector("a")?.focus();
  }, [arrived]);
  if (page) return <Rows page={page} onMore={onMore} section={rows} />;
  return (
    <tbody>
      <tr>
        <td colSpan={COLUMNS}>
          <Waiting
            error={error}
            nobody={data?.desk === null}
            onTryAgain={() => execute({ requestPolicy: "network-only" })}
          />
        </td>
      </tr>
    </tbody>
  );
}

type Page = NonNullable<DeskInboxQuery["desk"]>["requests"];

function Rows({
  page,
  onMore,
  section,
}: {
  page: Page;
  onMore: ((after: string) => void) | null;
  section?: Ref<HTMLTableSectionElement>;
}) {
  const words = useWords();
  const { endCursor, hasNextPage } = page.pageInfo;
  return (
    <tbody ref={section}>
      {page.nodes.map((request) => (
        <RequestRow key={request.id} request={request} />
      ))}
      {hasNextPage && endCursor !== null && onMore && (
        <tr>
          <td colSpan={COLUMNS}>
            <button type="button" className="button-second" onClick={() => onMore(endCursor)}>
              {words.inbox.more}
            </button>
          </td>
        </tr>
      )}
    </tbody>
  );
}

function RequestRow({ request }: { request: Page["nodes"][number] }) {
  const words = useWords();
  const statuses = useStatuses();
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
      <td data-label={words.inbox.columns.citizen} className="name">
        {request.contact ? `${request.contact.firstName} ${request.contact.lastName}` : "—"}
      </td>
      <td data-label={words.inbox.columns.status}>
        <span className="status" data-status={request.status}>
          {statuses[request.status]}
        </span>
      </td>
      <td data-label={words.inbox.columns.assignee} className="name">
        {request.assignee?.displayName ?? "—"}
      </td>
      <td data-label={words.inbox.columns.submitted}>
        {request.submittedAt && readableInstant(request.submittedAt, language)}
      </td>
    </tr>
  );
}

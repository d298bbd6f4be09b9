import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { DeskInbox, type DeskInboxQuery, type DeskRequestFilter } from "@espace-citoyens/kit/operations.ts";
import { useEffect, useRef } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { useStatuses } from "../statuses.ts";
import { useWords } from "../wording.ts";
import { keepPlace, type List, nearTo, toRequest } from "./place.ts";

export const COLUMNS = 5;

type Page = NonNullable<DeskInboxQuery["desk"]>["requests"];

interface Shown {
  filter: DeskRequestFilter;
  /** The same as it stands in the address. */
  search: string;
  /** How many pages are open. */
  pages: number;
  onMore: () => void;
  /** All that is open is there; `last` is the last page of it. Stays the same function. */
  onShown: (last: HTMLElement | null) => void;
}

interface Properties {
  page: Page;
  /** The ids of the pages before it. */
  before: readonly (readonly string[])[];
  shown: Shown;
}

/** A page of the list, and those after it as far as they are open: each begins where the one before it ends by now. */
export function Requests({ page, before, shown }: Properties) {
  const words = useWords();
  const { search, pages, onMore, onShown } = shown;
  const { endCursor, hasNextPage } = page.pageInfo;
  const after = hasNextPage ? endCursor : null;
  const list: List = { search, pages, listed: [...before, page.nodes.map(({ id }) => id)], after };
  const rows = useRef<HTMLTableSectionElement>(null);
  const goesOn = after !== null && list.listed.length < pages;
  useEffect(() => {
    if (!goesOn) onShown(rows.current);
  }, [goesOn, onShown]);
  return (
    <>
      <tbody ref={rows}>
        {page.nodes.map((request) => (
          <RequestRow key={request.id} request={request} list={list} />
        ))}
        {after !== null && !goesOn && (
          <tr>
            <td colSpan={COLUMNS}>
              <button type="button" className="button-second" onClick={onMore}>
                {words.inbox.more}
              </button>
            </td>
          </tr>
        )}
      </tbody>
      {goesOn && <LaterPage key={`${after} ${search}`} after={after} before={list.listed} shown={shown} />}
    </>
  );
}

function LaterPage({ after, before, shown }: Omit<Properties, "page"> & { after: string }) {
  const [{ data, error }, execute] = useQuery({
    query: DeskInbox,
    variables: { filter: shown.filter, after, unreadFirst: true },
    requestPolicy: "network-only",
  });
  const page = data?.desk?.requests;
  if (page) return <Requests page={page} before={before} shown={shown} />;
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

function RequestRow({ request, list }: { request: Page["nodes"][number]; list: List }) {
  const words = useWords();
  const statuses = useStatuses();
  const { language } = useLanguage();
  return (
    <tr data-request={request.id}>
      <td data-label={words.inbox.columns.request}>
        <Link
          {...toRequest(list, request.id)}
          onClick={() => keepPlace({ pages: list.pages, near: nearTo(request.id, list) })}
        >
          {request.procedure.title}
        </Link>
        {request.unreadExchangeCount > 0 && (
          <span className="to-read">
            {" "}
            <Icon name="received-unread" /> {words.inbox.unreadCount(request.unreadExchangeCount)}
          </span>
        )}
        <span className="ticket">{request.ticket}</span>
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
      <td data-label={words.inbox.columns.submitted} className="instant">
        {request.submittedAt && readableInstant(request.submittedAt, language)}
      </td>
    </tr>
  );
}

import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  MyRequests as Current,
  MyArchivedRequests,
  type RequestStatus,
} from "@espace-citoyens/kit/operations.ts";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { useWords } from "../wording.ts";

/** Mes demandes: those under way, and with Voir les demandes archivées the others. */
export function MyRequests() {
  const words = useWords();
  const [archived, setArchived] = useState(false);
  return (
    <>
      <label className="option">
        <input type="checkbox" checked={archived} onChange={(event) => setArchived(event.target.checked)} />
        {words.space.archived}
      </label>
      {archived ? <ArchivedPages /> : <CurrentPages />}
    </>
  );
}

function CurrentPages() {
  const words = useWords();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <ul className="requests">
      {pages.map((after, index) => (
        <CurrentPage
          key={after}
          after={after}
          none={index === 0 ? words.space.none : ""}
          onMore={index === pages.length - 1 ? (next) => setPages([...pages, next]) : null}
        />
      ))}
    </ul>
  );
}

interface PageProperties {
  after: string | null;
  none: string;
  onMore: ((after: string) => void) | null;
}

function CurrentPage({ after, none, onMore }: PageProperties) {
  const { language } = useLanguage();
  const words = useWords();
  const [{ data, error }, execute] = useQuery({
    query: Current,
    variables: { after },
    requestPolicy: "network-only",
  });
  const page = data?.me?.requests;
  if (!page)
    return (
      <li>
        <Waiting
          error={error}
          nobody={data?.me === null}
          onTryAgain={() => execute({ requestPolicy: "network-only" })}
        />
      </li>
    );
  return (
    <>
      {page.nodes.length === 0 && none && <li>{none}</li>}
      {page.nodes.map((request) => (
        <RequestLine
          key={request.id}
          request={request}
          when={words.space.changed(readableInstant(request.updatedAt, language))}
          unread={request.unreadExchangeCount}
        />
      ))}
      <More page={page.pageInfo} onMore={onMore} />
    </>
  );
}

function ArchivedPages() {
  const words = useWords();
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return (
    <ul className="requests">
      {pages.map((after, index) => (
        <ArchivedPage
          key={after}
          after={after}
          none={index === 0 ? words.space.noneArchived : ""}
          onMore={index === pages.length - 1 ? (next) => setPages([...pages, next]) : null}
        />
      ))}
    </ul>
  );
}

function ArchivedPage({ after, none, onMore }: PageProperties) {
  const { language } = useLanguage();
  const words = useWords();
  const [{ data, error }, execute] = useQuery({
    query: MyArchivedRequests,
    variables: { after },
    requestPolicy: "network-only",
  });
  const page = data?.me?.requests;
  if (!page)
    return (
      <li>
        <Waiting
          error={error}
          nobody={data?.me === null}
          onTryAgain={() => execute({ requestPolicy: "network-only" })}
        />
      </li>
    );
  return (
    <>
      {page.nodes.length === 0 && none && <li>{none}</li>}
      {page.nodes.map((request) => (
        <RequestLine
          key={request.id}
          request={request}
          when={request.archivedAt ? words.space.changed(readableInstant(request.archivedAt, language)) : ""}
          unread={0}
        />
      ))}
      <More page={page.pageInfo} onMore={onMore} />
    </>
  );
}

function More({
  page,
  onMore,
}: {
  page: { hasNextPage: boolean; endCursor: string | null };
  onMore: PageProperties["onMore"];
}) {
  const words = useWords();
  const { endCursor } = page;
  if (!page.hasNextPage || endCursor === null || onMore === null) return null;
  return (
    <li>
      <button type="button" className="button-second" onClick={() => onMore(endCursor)}>
        {words.space.more}
      </button>
    </li>
  );
}

interface Line {
  id: string;
  ticket: string;
  status: RequestStatus;
  procedure: { title: string };
}

function RequestLine({ request, when, unread }: { request: Line; when: string; unread: number }) {
  const words = useWords();
  const wording = useWording(WORDING);
  const address = `/mon-espace/demandes/${request.id}`;
  return (
    <li className="card request-line">
      <p>
        <Link href={address}>
          {request.procedure.title}
          <Icon name="next" />
        </Link>
        <br />
        <span className="quiet">{request.ticket}</span>
      </p>
      <p>
        <span className="status" data-status={request.status}>
          {wording.status[request.status]}
        </span>
        <br />
        <span className="quiet">{when}</span>
      </p>
      {unread > 0 && (
        <p className="to-read">
          <Icon name="received-unread" /> {words.frame.unread(unread)}
        </p>
      )}
      {request.status === "DRAFT" && (
        <p>
          <Link href={`${address}/saisie`} className="button-second">
            {words.home.goOn}
          </Link>
        </p>
      )}
    </li>
  );
}

import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { MUNICIPALITY_LANGUAGE, useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  MyRequests as Current,
  MyArchivedRequests,
  type RequestStatus,
} from "@espace-citoyens/kit/operations.ts";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { type ComponentType, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { useAddressed } from "../useAddressed.ts";
import { useWords } from "../wording.ts";

/** Mes demandes: those under way, and with Voir les demandes archivées the others. */
export function MyRequests() {
  const words = useWords();
  const [addressed, setAddressed] = useAddressed("archivees");
  const archived = addressed !== null;
  return (
    <>
      <label className="option">
        <input
          type="checkbox"
          checked={archived}
          onChange={(event) => setAddressed(event.target.checked ? "" : null)}
        />
        {words.space.archived}
      </label>
      {archived ? <Pages key="archived" of={ArchivedPage} /> : <Pages key="current" of={CurrentPage} />}
    </>
  );
}

interface PageProperties {
  /** Null: the first. */
  after: string | null;
  onMore: ((after: string) => void) | null;
}

function Pages({ of: Page }: { of: ComponentType<PageProperties> }) {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  return pages.map((after, index) => (
    <Page
      key={after}
      after={after}
      onMore={index === pages.length - 1 ? (next) => setPages([...pages, next]) : null}
    />
  ));
}

function CurrentPage({ after, onMore }: PageProperties) {
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
      <Waiting
        error={error}
        nobody={data?.me === null}
        onTryAgain={() => execute({ requestPolicy: "network-only" })}
      />
    );
  if (after === null && page.nodes.length === 0)
    return (
      <>
        <p>{words.space.none}</p>
        <Link href="/demarches" className="button">
          {words.frame.makeRequest}
        </Link>
      </>
    );
  return (
    <>
      <ul className="requests">
        {page.nodes.map((request) => (
          <RequestLine
            key={request.id}
            request={request}
            when={words.space.changed(readableInstant(request.updatedAt, language))}
            unread={request.unreadExchangeCount}
          />
        ))}
      </ul>
      <More page={page.pageInfo} onMore={onMore} />
    </>
  );
}

function ArchivedPage({ after, onMore }: PageProperties) {
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
      <Waiting
        error={error}
        nobody={data?.me === null}
        onTryAgain={() => execute({ requestPolicy: "network-only" })}
      />
    );
  if (after === null && page.nodes.length === 0) return <p>{words.space.noneArchived}</p>;
  return (
    <>
      <ul className="requests">
        {page.nodes.map((request) => (
          <RequestLine
            key={request.id}
            request={request}
            when={
              request.archivedAt ? words.space.changed(readableInstant(request.archivedAt, language)) : ""
            }
            unread={0}
          />
        ))}
      </ul>
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
    <button type="button" className="button-second" onClick={() => onMore(endCursor)}>
      {words.space.more}
    </button>
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
        <Link href={address} lang={MUNICIPALITY_LANGUAGE}>
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

import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useFollow } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Notice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { RequestEvents, RequestPage, type RequestPageQuery } from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { Connection } from "@espace-citoyens/kit/request/Connection.tsx";
import { told } from "@espace-citoyens/kit/request/History.tsx";
import { Summary } from "@espace-citoyens/kit/request/Summary.tsx";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { useShown } from "@espace-citoyens/kit/shown.ts";
import { type ReactNode, useState } from "react";
import { Link, Route, Switch, useSearchParams } from "wouter";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";
import { CancelLink } from "./CancelLink.tsx";
import { Following } from "./Following.tsx";

export type Request = NonNullable<RequestPageQuery["request"]>;

interface Properties {
  id: string;
  address: string;
  /** What whoever consults by ticket may do about an account. `claimed`: the request is in one. */
  aside?: (claimed: boolean) => ReactNode;
}

/** A request that was sent: Récapitulatif and Suivi, kept up to date while it is open. `address` is where it lies. */
export function RequestView({ id, address, aside }: Properties) {
  const words = useWords();
  const wording = useWording(WORDING);
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const { language } = useLanguage();
  const [search] = useSearchParams();
  const { data, error, stale, reload } = useShown(RequestPage, { request: id });
  const request = data?.request;
  const [from, setFrom] = useState<string | null>(null);
  const cursor = request?.latest.pageInfo.endCursor ?? null;
  // From the last event of the page as it was read now: what is shown from the start is no news to anybody.
  if (from === null && cursor !== null && !stale) setFrom(cursor);
  useFollow(
    RequestEvents,
    from === null ? null : { request: id, after: from },
    ({ requestEvents: event }, variables) => {
      variables.after = event.cursor;
      if (event.__typename === "ExchangePosted" && event.actor === "MUNICIPALITY")
        announce(`${wording.arrived(event.exchange.authorName)}${colon}${event.exchange.body}`);
      else if (event.__typename === "ExchangesRead" && event.actor === "MUNICIPALITY")
        announce(wording.readNow);
      else if (event.actor !== "CITIZEN") announce(told(event));
      reload();
    },
  );
  if (request === null)
    return (
      <SitePage title={words.request.unknown}>
        <p>{words.frame.notFoundText}</p>
      </SitePage>
    );
  if (!request) return <Waiting error={error} onTryAgain={reload} />;
  const draft = request.status === "DRAFT";
  return (
    <SitePage title={request.procedure.title} named>
      {search.has("envoyee") && (
        <Notice kind="success">
          <p>
            <strong>{words.sent.title}</strong>
          </p>
        </Notice>
      )}
      {search.has("rattachee") && <Notice kind="success">{words.request.claimed}</Notice>}
      <p>
        {words.request.ticket}
        {colon}
        <strong className="ticket">{request.ticket}</strong>
      </p>
      {search.has("envoyee") && <p>{words.sent.text}</p>}
      <p>
        <span className="status" data-status={request.status}>
          {wording.status[request.status]}
        </span>{" "}
        {request.submittedAt && words.request.sentAt(readableInstant(request.submittedAt, language))}
      </p>
      <Connection behind={error !== undefined} />
      <div className="actions">
        {draft && (
          <Link href={`${address}/saisie`} className="button">
            {words.request.goOn}
          </Link>
        )}
        {aside?.(request.claimed)}
        {request.permittedActions.includes("CANCEL") && !draft && (
          <CancelLink request={id} onCancelled={reload} />
        )}
      </div>
      {request.status === "CANCELLED" && <Notice kind="information">{words.request.cancelled}</Notice>}
      <Tabs address={address} unread={request.unreadExchangeCount} />
      <Switch>
        <Route path="*/suivi">
          <Following request={request} reload={reload} />
        </Route>
        <Route>
          {request.receipt?.url && (
            <p>
              <a href={request.receipt.url} target="_blank" rel="noreferrer">
                {words.request.receipt}
              </a>
            </p>
          )}
          <Summary sections={request.summary} />
        </Route>
      </Switch>
    </SitePage>
  );
}

function Tabs({ address, unread }: { address: string; unread: number }) {
  const words = useWords();
  const here = location.pathname.endsWith("/suivi") ? "suivi" : "";
  return (
    <nav aria-label={words.request.sections}>
      <ul className="tabs">
        <li>
          <Link href={address} aria-current={here === "" ? "page" : undefined}>
            {words.request.summary}
          </Link>
        </li>
        <li>
          <Link href={`${address}/suivi`} aria-current={here === "suivi" ? "page" : undefined}>
            {words.request.following}
            {unread > 0 && (
              <>
                {" "}
                <span className="count">
                  <span aria-hidden="true">{unread}</span>
                  <span className="for-screen-readers">{words.frame.unread(unread)}</span>
                </span>
              </>
            )}
          </Link>
        </li>
      </ul>
    </nav>
  );
}

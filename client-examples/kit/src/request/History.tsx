import { useState } from "react";
import { readableInstant } from "../dates.ts";
import { useRead } from "../door.tsx";
import { useLanguage, useWording } from "../language.tsx";
import { RequestHistory, type RequestHistoryQuery } from "../operations.ts";
import { WORDING } from "./wording.ts";

interface Event {
  id: string;
  occurredAt: string;
  description: string;
  /** Which agent it was, where that is told. */
  agent?: { displayName: string } | null;
  /** What the mairie gave as its reason, where it gave one. */
  reason?: string | null;
}

/** An event in a sentence or two, to be read aloud. */
export function told(event: { description: string; reason?: string | null }): string {
  return event.reason ? `${event.description} ${event.reason}` : event.description;
}

/** What happened on a request, the latest last. */
export function History({ events, onMore }: { events: readonly Event[]; onMore?: (() => void) | null }) {
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  if (events.length === 0) return <p className="quiet">{wording.noHistory}</p>;
  return (
    <>
      <ol className="history">
        {events.map((event) => (
          <li key={event.id}>
            <time dateTime={event.occurredAt}>{readableInstant(event.occurredAt, language)}</time>
            <span>
              {event.description}
              {event.agent && ` (${event.agent.displayName})`}
            </span>
            {event.reason && <q>{event.reason}</q>}
          </li>
        ))}
      </ol>
      {onMore && (
        <button type="button" className="button-quiet" onClick={onMore}>
          {wording.moreHistory}
        </button>
      )}
    </>
  );
}

type Page = NonNullable<RequestHistoryQuery["request"]>["history"];

interface First {
  nodes: readonly Event[];
  pageInfo: Page["pageInfo"];
}

/** The first page of what happened, as it is read again and again, and the later ones as they are asked for. */
export function HistoryPages({ request, first }: { request: string; first: First }) {
  const read = useRead();
  const [more, setMore] = useState<{ events: readonly Event[]; page: Page["pageInfo"] } | null>(null);
  const page = more?.page ?? first.pageInfo;
  const showMore = async () => {
    const { data } = await read(RequestHistory, { request, after: page.endCursor });
    const next = data?.request?.history;
    if (next) setMore({ events: [...(more?.events ?? []), ...next.nodes], page: next.pageInfo });
  };
  const known = new Set(first.nodes.map((event) => event.id));
  const events = [...first.nodes, ...(more?.events ?? []).filter((event) => !known.has(event.id))];
  return <History events={events} onMore={page.hasNextPage ? showMore : null} />;
}

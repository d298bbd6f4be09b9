import { type FormEvent, useEffect, useRef, useState } from "react";
import { readableInstant } from "../dates.ts";
import { useChange, useRead } from "../door.tsx";
import { Icon, type IconName } from "../elements/Icon.tsx";
import { messagesAt, ProblemNotice } from "../elements/Notice.tsx";
import { Labelled } from "../form/Labelled.tsx";
import { useLanguage, useWording } from "../language.tsx";
import {
  EarlierExchanges,
  MarkExchangesRead,
  PostExchange,
  type ReadState,
  type RequestPageQuery,
} from "../operations.ts";
import type { Problem } from "../outcome.ts";
import { WORDING } from "./wording.ts";
import { useWritten } from "./written.ts";

export type Exchange = NonNullable<RequestPageQuery["request"]>["exchanges"]["nodes"][number];
type PageInfo = NonNullable<RequestPageQuery["request"]>["exchanges"]["pageInfo"];

const ICONS: Record<ReadState, IconName> = {
  SENT_UNREAD: "sent-unread",
  SENT_READ: "sent-read",
  RECEIVED_UNREAD: "received-unread",
  RECEIVED_READ: "received-read",
};

interface Properties {
  request: string;
  side: "citizen" | "desk";
  exchanges: readonly Exchange[];
  pageInfo: PageInfo;
  mayPost: boolean;
  /** What was read or written changed the request: read it again. */
  onChange: () => void;
}

/** The messages of a request, the oldest first, and the zone to write a new one. What is shown is marked as read. */
export function Exchanges({ request, side, exchanges, pageInfo, mayPost, onChange }: Properties) {
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  const read = useRead();
  const [earlier, setEarlier] = useState<Exchange[]>([]);
  const [earlierPage, setEarlierPage] = useState<PageInfo | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const page = earlierPage ?? pageInfo;
  const known = new Set(exchanges.map((exchange) => exchange.id));
  const shown = [...earlier.filter((exchange) => !known.has(exchange.id)), ...exchanges];
  useMarkedAsRead(request, exchanges, onChange);
  const texts = side === "desk" ? wording.readStateAtDesk : wording.readState;
  const showEarlier = async () => {
    if (!page.startCursor) return;
    const { data, problem } = await read(EarlierExchanges, { request, before: page.startCursor });
    setProblem(problem);
    if (data?.request) {
      setEarlier([...data.request.exchanges.nodes, ...earlier]);
      setEarlierPage(data.request.exchanges.pageInfo);
    }
  };
  return (
    <>
      <ProblemNotice problem={problem} />
      {page.hasPreviousPage && (
        <button type="button" className="button-quiet" onClick={showEarlier}>
          {wording.earlier}
        </button>
      )}
      {shown.length === 0 ? (
        <p className="quiet">{wording.noExchanges}</p>
      ) : (
        <ol className="exchanges">
          {shown.map((exchange) => (
            <li
              key={exchange.id}
              className={exchange.readState.startsWith("SENT") ? "exchange exchange-sent" : "exchange"}
              data-state={exchange.readState}
            >
              <p className="exchange-head">
                <Icon name={ICONS[exchange.readState]} label={texts[exchange.readState]} />
                <strong>{exchange.authorName}</strong>
                <time dateTime={exchange.postedAt}>{readableInstant(exchange.postedAt, language)}</time>
              </p>
              <p className="exchange-body">{exchange.body}</p>
            </li>
          ))}
        </ol>
      )}
      {mayPost && <NewExchange request={request} onPosted={onChange} />}
    </>
  );
}

/** Marks what is on the screen as read, as long as somebody looks at it. */
function useMarkedAsRead(request: string, exchanges: readonly Exchange[], onMarked: () => void) {
  const [mark] = useChange(MarkExchangesRead, (data) => data.markExchangesRead);
  const marked = useRef<string | null>(null);
  const onMarkedNow = useRef(onMarked);
  onMarkedNow.current = onMarked;
  const unread = exchanges.filter((exchange) => exchange.readState === "RECEIVED_UNREAD").at(-1)?.id ?? null;
  useEffect(() => {
    const look = async () => {
      if (unread === null || marked.current === unread || document.visibilityState !== "visible") return;
      marked.current = unread;
      const { success } = await mark({ request, upTo: unread });
      if (success) onMarkedNow.current();
      else marked.current = null;
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [mark, request, unread]);
}

function NewExchange({ request, onPosted }: { request: string; onPosted: () => void }) {
  const wording = useWording(WORDING);
  const [post, posting] = useChange(PostExchange, (data) => data.postExchange);
  const [body, setBody] = useWritten(request);
  const [problem, setProblem] = useState<Problem | null>(null);
  // The same until the server has it: a message that is sent again after a break comes once.
  const key = useRef(crypto.randomUUID());
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (body.trim() === "") {
      const message = wording.empty;
      setProblem({ code: "VALIDATION", message, fields: [{ path: "body", message }] });
      return;
    }
    const { success, problem } = await post({ request, body, idempotencyKey: key.current });
    setProblem(problem);
    if (success) {
      key.current = crypto.randomUUID();
      // Whoever went on typing meanwhile keeps that.
      setBody((now) => (now.startsWith(body) ? now.slice(body.length).trimStart() : now));
      onPosted();
    }
  };
  return (
    <form className="new-exchange" onSubmit={send} noValidate>
      <ProblemNotice problem={problem} />
      <Labelled
        path="exchange"
        label={wording.newExchange}
        messages={messagesAt(problem?.fields ?? [], "body")}
      >
        {(described) => (
          <textarea
            {...described}
            rows={4}
            value={body}
            onChange={(event) => {
              setBody(() => event.target.value);
              key.current = crypto.randomUUID();
            }}
          />
        )}
      </Labelled>
      <button type="submit" className="button" disabled={posting}>
        {wording.add}
      </button>
    </form>
  );
}

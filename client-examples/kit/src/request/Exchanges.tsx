import { type FormEvent, type RefObject, useEffect, useRef, useState } from "react";
import { readableInstant } from "../dates.ts";
import { useBack, useChange, useRead } from "../door.tsx";
import { Icon, type IconName } from "../elements/Icon.tsx";
import { messagesAt, ProblemNotice } from "../elements/Notice.tsx";
import { SteadyButton } from "../elements/SteadyButton.tsx";
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

const MOMENT_MILLISECONDS = 1000;

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

/** The messages of a request, the oldest first, and the zone to write a new one. What was looked at is marked as read. */
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
  const list = useMarkedAsRead(request, exchanges, onChange);
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
        <ol ref={list} className="exchanges">
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
              <p className="exchange-body">
                {exchange.body}
                <span className="exchange-end" id={exchange.id} />
              </p>
            </li>
          ))}
        </ol>
      )}
      {mayPost && <NewExchange request={request} onPosted={onChange} />}
    </>
  );
}

/**
 * Marks as read what has been on the screen down to its end, and what lies above it, once somebody has looked at it for
 * a moment. Answers what the list is to be referred to by.
 */
function useMarkedAsRead(
  request: string,
  exchanges: readonly Exchange[],
  onMarked: () => void,
): RefObject<HTMLOListElement | null> {
  const list = useRef<HTMLOListElement>(null);
  const [mark] = useChange(MarkExchangesRead, (data) => data.markExchangesRead);
  const look = useRef(() => {});
  const onMarkedNow = useRef(onMarked);
  onMarkedNow.current = onMarked;
  const unread = exchanges
    .filter((exchange) => exchange.readState === "RECEIVED_UNREAD")
    .map((exchange) => exchange.id)
    .join(" ");
  useEffect(() => {
    if (unread === "") return;
    const ids = unread.split(" ");
    const onScreen = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const markSeen = async () => {
      const upTo = ids.filter((id) => onScreen.has(id)).at(-1);
      if (upTo === undefined || document.visibilityState !== "visible") return;
      const { success } = await mark({ request, upTo });
      if (success) onMarkedNow.current();
    };
    const start = () => {
      clearTimeout(timer);
      timer = setTimeout(markSeen, MOMENT_MILLISECONDS);
    };
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) onScreen.add(target.id);
        else onScreen.delete(target.id);
      }
      start();
    });
    for (const end of list.current?.querySelectorAll(".exchange-end") ?? [])
      if (ids.includes(end.id)) observer.observe(end);
    document.addEventListener("visibilitychange", start);
    look.current = start;
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      document.removeEventListener("visibilitychange", start);
    };
  }, [mark, request, unread]);
  // What could not be told while there was no network.
  useBack(unread === "" ? null : () => look.current());
  return list;
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
      <SteadyButton type="submit" className="button" idle={posting}>
        {wording.add}
      </SteadyButton>
    </form>
  );
}

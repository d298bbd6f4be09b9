import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Notice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskInbox } from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { Connection } from "@espace-citoyens/kit/request/Connection.tsx";
import { useCallback, useRef, useState } from "react";
import { useQuery } from "urql";
import { useSearchParams } from "wouter";
import { DeskPage } from "../DeskPage.tsx";
import { useDeskEvents } from "../events.tsx";
import { useFrame } from "../frame.tsx";
import { Filters } from "../inbox/Filters.tsx";
import { filterOf, known } from "../inbox/filter.ts";
import { keepPlace, usePlace } from "../inbox/place.ts";
import { Requests } from "../inbox/Requests.tsx";
import { useSoon } from "../useSoon.ts";
import { useWords } from "../wording.ts";

const REFRESH_MILLISECONDS = 500;

/**
 * The requests of the agent's procedures, by any filter. The filter is in the address: it can be kept, and gone back to,
 * to the same pages and the request that was opened.
 *
 * What happens meanwhile appears by itself while the first page alone is shown; further down, nothing moves unasked.
 */
export function Inbox() {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const [fresh, setFresh] = useState(false);
  const [address, setAddress] = useSearchParams();
  const search = known(address, useFrame());
  const filter = filterOf(search);
  const { pages, near } = usePlace();
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
    if (pages === 1) refreshSoon();
    else setFresh(true);
  });
  // Where the focus goes once all that is open is there: to the request that was opened, or to what was asked for.
  const sought = useRef(near);
  const asked = useRef(false);
  const onShown = useCallback((last: HTMLElement | null) => {
    const row = asked.current ? last : sought.current.map(rowOf).find((found) => found !== null);
    row?.querySelector("a")?.focus();
    asked.current = false;
    sought.current = [];
  }, []);
  const beginAgain = () => {
    setFresh(false);
    sought.current = [];
    asked.current = false;
    keepPlace({ pages: 1, near: [] });
  };
  const set = (name: string, value: string) => {
    if (value === (search.get(name) ?? "")) return;
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    beginAgain();
    setAddress(next, { replace: true });
  };
  return (
    <DeskPage title={words.inbox.title}>
      <Filters search={search} onSet={set} />
      <Connection />
      {fresh && (
        <Notice kind="information">
          {words.inbox.fresh}{" "}
          <button
            type="button"
            className="button-second"
            onClick={() => {
              beginAgain();
              refresh();
            }}
          >
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
          <Requests
            page={page}
            before={[]}
            shown={{
              filter,
              search: search.toString(),
              pages,
              onMore: () => {
                asked.current = true;
                keepPlace({ pages: pages + 1, near: [] });
              },
              onShown,
            }}
          />
        </table>
      )}
    </DeskPage>
  );
}

function rowOf(id: string): Element | null {
  return document.querySelector(`[data-request="${CSS.escape(id)}"]`);
}

import { useFollow } from "@espace-citoyens/kit/door.tsx";
import { DeskEvents, type DeskEventsSubscription, DeskUnread } from "@espace-citoyens/kit/operations.ts";
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { useSoon } from "./useSoon.ts";

type Event = DeskEventsSubscription["deskEvents"];
type Listener = (event: Event) => void;

const REFRESH_MILLISECONDS = 500;

const ListenersContext = createContext<Set<Listener> | null>(null);

/** What happens to the agent's requests, followed once for all that listens. `from`: the cursor to begin after. */
export function EventsProvider({ from, children }: { from: string; children: ReactNode }) {
  const [listeners] = useState(() => new Set<Listener>());
  // Where the frame is read again, it has a later cursor: what was not told yet would be skipped.
  const [start] = useState({ after: from });
  useFollow(DeskEvents, start, ({ deskEvents: event }, variables) => {
    variables.after = event.cursor;
    for (const listener of listeners) listener(event);
  });
  return <ListenersContext value={listeners}>{children}</ListenersContext>;
}

/** Calls at each event, as long as the component is there. */
export function useDeskEvents(onEvent: Listener): void {
  const listeners = useContext(ListenersContext);
  if (listeners === null) throw new Error("No EventsProvider above");
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    const listener: Listener = (event) => latest.current(event);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, [listeners]);
}

/** How many exchanges wait to be read by the agent, live. */
export function useUnread(): number {
  const [{ data }, execute] = useQuery({ query: DeskUnread, requestPolicy: "network-only" });
  const readSoon = useSoon(() => execute({ requestPolicy: "network-only" }), REFRESH_MILLISECONDS);
  useDeskEvents(({ __typename }) => {
    if (__typename === "ExchangePosted" || __typename === "ExchangesRead") readSoon();
  });
  return data?.desk?.unreadExchangeCount ?? 0;
}

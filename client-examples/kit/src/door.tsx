import { type AnyVariables, Client, cacheExchange, fetchExchange, type TypedDocumentNode } from "@urql/core";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Provider, useClient } from "urql";
import { useLanguage } from "./language.tsx";
import { type Live, makeLive } from "./live.ts";
import { LogOut } from "./operations.ts";
import { callProblem, type Outcome, outcome, type Problem } from "./outcome.ts";
import { forgetWritten } from "./request/written.ts";

interface Door {
  live: Live;
  ticket: string | null;
  /** Forgets all that was read: somebody has logged in or out. */
  reopen: () => void;
  /** How often that was done: what was read before is nobody's any more. */
  opened: number;
}

const DoorContext = createContext<Door | null>(null);

/**
 * The way to the API, for one caller: whoever the cookie says, or, with `ticket`, whoever holds it.
 *
 * Doors nest: the page of a request that is consulted by ticket has one of its own.
 */
export function DoorProvider({ ticket = null, children }: { ticket?: string | null; children: ReactNode }) {
  const { language } = useLanguage();
  const outer = useContext(DoorContext);
  const [opened, setOpened] = useState(0);
  const caller = useMemo(
    () => ({ "Accept-Language": language, ...(ticket && { Authorization: `Ticket ${ticket}` }) }),
    [language, ticket],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: `opened` makes a client that remembers nothing
  const client = useMemo(
    () =>
      new Client({
        url: "/graphql",
        preferGetMethod: false,
        requestPolicy: "cache-and-network",
        exchanges: [cacheExchange, fetchExchange],
        fetchOptions: {
          // A ticket is asked about as itself, whoever is logged in.
          credentials: ticket ? "omit" : "same-origin",
          headers: { ...caller, "X-Requested-With": "espace-citoyens" },
        },
      }),
    [caller, ticket, opened],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever is logged in is asked for when it connects
  const live = useMemo(() => makeLive(caller), [caller, opened]);
  useEffect(() => () => live.close(), [live]);
  const reopenOuter = outer?.reopen;
  const door = useMemo(
    () => ({ live, ticket, opened, reopen: reopenOuter ?? (() => setOpened((before) => before + 1)) }),
    [live, ticket, opened, reopenOuter],
  );
  return (
    <DoorContext value={door}>
      <Provider value={client}>{children}</Provider>
    </DoorContext>
  );
}

export function useDoor(): Door {
  const door = useContext(DoorContext);
  if (door === null) throw new Error("No DoorProvider above");
  return door;
}

type Change<Variables, Result> = [(variables: Variables) => Promise<Outcome<Result>>, boolean];

/** A mutation to call, and whether it is under way. `pick` takes its union out of the data. */
export function useChange<Data, Variables extends AnyVariables, Result extends { __typename: string }>(
  document: TypedDocumentNode<Data, Variables>,
  pick: (data: Data) => Result,
): Change<Variables, Result> {
  const client = useClient();
  const { language } = useLanguage();
  const [busy, setBusy] = useState(false);
  const picking = useRef(pick);
  picking.current = pick;
  const change = useCallback(
    async (variables: Variables) => {
      setBusy(true);
      try {
        const result = await client.mutation(document, variables).toPromise();
        return outcome(result, picking.current, language);
      } finally {
        setBusy(false);
      }
    },
    [client, document, language],
  );
  return [change, busy];
}

const outlivingThePage: typeof fetch = (address, options) => fetch(address, { ...options, keepalive: true });

/** Ends the session, even where its window is closed at once; `reopen` is the caller's. Tells what kept it from that. */
export function useLogOut(): () => Promise<Problem | null> {
  const client = useClient();
  const { language } = useLanguage();
  return useCallback(async () => {
    const { error } = await client.mutation(LogOut, {}, { fetch: outlivingThePage }).toPromise();
    if (error) return callProblem(error, language);
    forgetWritten();
    return null;
  }, [client, language]);
}

/** Reads past what was kept, once. */
export function useRead() {
  const client = useClient();
  const { language } = useLanguage();
  return useCallback(
    async <Data, Variables extends AnyVariables>(
      document: TypedDocumentNode<Data, Variables>,
      variables: Variables,
    ): Promise<{ data: Data; problem: null } | { data: null; problem: Problem }> => {
      const result = await client.query(document, variables, { requestPolicy: "network-only" }).toPromise();
      if (result.data) return { data: result.data, problem: null };
      const problem = result.error
        ? callProblem(result.error, language)
        : { code: "NETWORK", message: "", fields: [] };
      return { data: null, problem };
    },
    [client, language],
  );
}

/** Calls at each connection: what happened while there was none was told to nobody who has no cursor. */
export function useConnected(onConnected: () => void): void {
  const { live } = useDoor();
  const handler = useRef(onConnected);
  handler.current = onConnected;
  useEffect(() => live.watch((connected) => connected && handler.current()), [live]);
}

const MAY_BE_BACK_MILLISECONDS = 8_000;

/**
 * Calls when the server may be there again: the browser is on a network, what is followed has connected, or nothing has
 * told for a while. Null: not now.
 */
export function useBack(onBack: (() => void) | null): void {
  const { live } = useDoor();
  const handler = useRef(onBack);
  handler.current = onBack;
  const wanted = onBack !== null;
  useEffect(() => {
    if (!wanted) return;
    const back = () => handler.current?.();
    addEventListener("online", back);
    const stop = live.watch((connected) => connected && back());
    // Not all at once: a server that starts again has many to answer.
    const again = setInterval(back, MAY_BE_BACK_MILLISECONDS * (0.75 + Math.random() / 2));
    return () => {
      clearInterval(again);
      removeEventListener("online", back);
      stop();
    };
  }, [live, wanted]);
}

/** Follows a subscription as long as the component is there. Null variables: not now. */
export function useFollow<Data, Variables extends object>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables | null,
  onData: (data: Data, variables: Variables) => void,
): void {
  const { live } = useDoor();
  const handler = useRef(onData);
  handler.current = onData;
  const asked = variables === null ? null : JSON.stringify(variables);
  const kept = useRef<{ asked: string; followed: Variables } | null>(null);
  useEffect(() => {
    if (asked === null) return;
    // Read again at each reconnection, in another language too: the handler sets `after` in it.
    if (kept.current?.asked !== asked) kept.current = { asked, followed: JSON.parse(asked) as Variables };
    const { followed } = kept.current;
    return live.follow(document, followed, (data) => handler.current(data, followed));
  }, [live, document, asked]);
}

import { stringifyDocument, type TypedDocumentNode } from "@urql/core";
import { createClient } from "graphql-ws";

const PING_MILLISECONDS = 10_000;
const PONG_MILLISECONDS = 5_000;

export interface Live {
  /**
   * Follows a subscription until the function that it answers is called, over every break of the network.
   *
   * The variables are read again at each reconnection: whoever sets `after` to the last cursor misses nothing.
   */
  follow<Data, Variables extends object>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    onData: (data: Data) => void,
  ): () => void;
  /** Tells at each change whether the server can be reached. */
  watch(onState: (connected: boolean) => void): () => void;
  close(): void;
}

/** One WebSocket for all that a page follows. `parameters` are those of connection_init: who is calling, and the language. */
export function makeLive(parameters: Record<string, string>): Live {
  const watchers = new Set<(connected: boolean) => void>();
  const tell = (connected: boolean) => {
    for (const watcher of watchers) watcher(connected);
  };
  let silent: ReturnType<typeof setTimeout> | undefined;
  let socket: WebSocket | undefined;
  const client = createClient({
    url: `${location.origin.replace(/^http/, "ws")}/graphql`,
    connectionParams: parameters,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    // A server that starts again must not have all its citizens back in the same second.
    retryWait: (retries) =>
      new Promise((resolve) => {
        const seconds = Math.min(2 ** retries, 20) * (0.5 + Math.random() / 2);
        const done = () => {
          clearTimeout(timer);
          removeEventListener("online", done);
          resolve();
        };
        const timer = setTimeout(done, seconds * 1000);
        addEventListener("online", done);
      }),
    keepAlive: PING_MILLISECONDS,
    on: {
      opened: (opened) => {
        socket = opened as WebSocket;
      },
      connected: () => tell(true),
      // A network that is lost says nothing: who does not answer is taken for gone.
      ping: (received) => {
        if (!received) silent = setTimeout(() => socket?.close(4408, "Silent"), PONG_MILLISECONDS);
      },
      pong: (received) => {
        if (received) clearTimeout(silent);
      },
      closed: () => {
        clearTimeout(silent);
        tell(false);
      },
    },
  });
  return {
    follow(document, variables, onData) {
      let ended = false;
      let end = () => {};
      const start = () => {
        end = client.subscribe(
          { query: stringifyDocument(document), variables: variables as Record<string, unknown> },
          {
            next: ({ data }) => {
              if (data) onData(data as never);
            },
            // The server refused or ended it: the page goes on without, and its next visit asks again.
            error: (error) => console.warn("A subscription ended", error),
            complete: () => {},
          },
        );
        if (ended) end();
      };
      start();
      return () => {
        ended = true;
        end();
      };
    },
    watch(onState) {
      watchers.add(onState);
      return () => watchers.delete(onState);
    },
    close() {
      // What is still waiting to connect never does, and says so.
      Promise.resolve(client.dispose()).catch((error) => console.info("Closed while connecting", error));
    },
  };
}

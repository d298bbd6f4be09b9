/** What happened on a request, as far as the bell needs it. */
export interface Event {
  __typename: string;
  id: string;
  cursor: string;
  occurredAt: string;
  actor: string;
  description: string;
  request: { id: string; procedure: { title: string } };
}

/** What the API says on the subscription. */
export interface Notification {
  cursor: string;
  unreadExchangeCount: number;
  event: Event | null;
}

/** What there is when a page is opened: the mairie's time, how many exchanges wait, and what happened last, latest first. */
export interface Present {
  timezone: string;
  unread: number;
  events: Event[];
}

export interface Caller {
  api: string;
  token: string | null;
  language: string;
}

const EVENT = "__typename id cursor occurredAt actor description request { id procedure { title } }";
const PRESENT = `{ municipality { timezone } me {
  unreadExchangeCount requests { nodes { history(last: 5) { nodes { ${EVENT} } } } }
} }`;
const SUBSCRIPTION = `subscription ($after: String) {
  notifications(after: $after) { cursor unreadExchangeCount event { ${EVENT} } }
}`;
const FIRST_WAIT_MILLISECONDS = 1000;
const LONGEST_WAIT_MILLISECONDS = 30_000;
/** The server says something at least this often: who is silent for longer is taken for gone. */
const SILENCE_MILLISECONDS = 45_000;

interface Refusal {
  extensions: { code: string };
}

interface PresentAnswer {
  data?: {
    municipality: { timezone: string };
    me: {
      unreadExchangeCount: number;
      requests: { nodes: { history: { nodes: Event[] } }[] };
    } | null;
  };
}

/** Null: nobody is logged in. Raises where the server cannot be reached. */
export async function read(caller: Caller, signal: AbortSignal): Promise<Present | null> {
  const answer = await ask(caller, "application/json", { query: PRESENT }, signal);
  if (answer.status >= 429) throw new Error(`HTTP ${answer.status}`);
  const { data } = (await answer.json()) as PresentAnswer;
  if (!data?.me) return null;
  const events = data.me.requests.nodes.flatMap((request) => request.history.nodes).reverse();
  return {
    timezone: data.municipality.timezone,
    unread: data.me.unreadExchangeCount,
    events: events.sort((one, other) => Date.parse(other.occurredAt) - Date.parse(one.occurredAt)),
  };
}

/** Tells what happens after `after`, over every break of the network, until `signal`; nothing is missed or told twice. */
export async function follow(
  caller: Caller,
  after: string | null,
  onNotification: (notification: Notification) => void,
  signal: AbortSignal,
): Promise<void> {
  let cursor = after;
  let wait = FIRST_WAIT_MILLISECONDS;
  while (!signal.aborted) {
    const silence = new AbortController();
    const stop = () => silence.abort();
    signal.addEventListener("abort", stop);
    try {
      const body = { query: SUBSCRIPTION, variables: { after: cursor } };
      const answer = await ask(caller, "text/event-stream", body, silence.signal);
      if (answer.status === 401 || answer.status === 403) return;
      if (!answer.ok || answer.body === null) throw new Error(`HTTP ${answer.status}`);
      for await (const data of events(answer.body, stop)) {
        const told = data as { data: { notifications: Notification } | null; errors?: Refusal[] };
        if (told.errors?.some(({ extensions }) => extensions.code === "UNAUTHENTICATED")) return;
        const notification = told.data?.notifications;
        if (notification === undefined) continue;
        wait = FIRST_WAIT_MILLISECONDS;
        cursor = notification.cursor;
        onNotification(notification);
      }
    } catch (error) {
      if (!signal.aborted) console.debug("Notifications are interrupted", error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
    await pause(wait * (0.5 + Math.random() / 2), signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MILLISECONDS);
  }
}

function ask(caller: Caller, accept: string, body: unknown, signal: AbortSignal): Promise<Response> {
  return fetch(`${caller.api}/graphql`, {
    method: "POST",
    signal,
    // The cookie goes along as far as the site: to demarches.commune.example from www.commune.example.
    credentials: caller.token ? "omit" : "include",
    headers: {
      Accept: accept,
      "Content-Type": "application/json",
      "Accept-Language": caller.language,
      "X-Requested-With": "espace-citoyens-notifications",
      ...(caller.token && { Authorization: `Bearer ${caller.token}` }),
    },
    body: JSON.stringify(body),
  });
}

/** The data of each `next` event of a stream, as graphql-sse writes them. */
async function* events(body: ReadableStream<Uint8Array>, onSilence: () => void): AsyncGenerator<unknown> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const timer = setTimeout(onSilence, SILENCE_MILLISECONDS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const parts = text.split(/\r?\n\r?\n/);
    text = parts.pop() ?? "";
    for (const part of parts) {
      const lines = part.split(/\r?\n/);
      if (!lines.includes("event: next")) continue;
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
      yield JSON.parse(data.join("\n"));
    }
  }
}

/** Waits, less where the network comes back meanwhile. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

// Lets the public graphql-sse and graphql-ws clients talk to the server at the address given, and prints what
// they received as JSON.
import { createClient as createEventClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import WebSocket from "ws";

const url = process.argv[2];

const events = createEventClient({ url, retryAttempts: 0 });
const tokenEvents = createEventClient({ url, retryAttempts: 0, headers: { Authorization: "Bearer good" } });
const refusedEvents = createEventClient({ url, retryAttempts: 0, headers: { Authorization: "Bearer bad" } });

function socketClient(authorization) {
  return createSocketClient({
    url: url.replace("http", "ws"),
    retryAttempts: 0,
    webSocketImpl: WebSocket,
    connectionParams: authorization && { Authorization: authorization },
  });
}

// Everything that one operation brings, and how it ended.
async function collect(client, query, variables) {
  const received = [];
  try {
    for await (const result of client.iterate({ query, variables })) received.push(result);
    return { received, end: "complete" };
  } catch (error) {
    return { received, end: error.code ?? error.name ?? "error", detail: error.message ?? error };
  }
}

// The first result of a subscription that never ends by itself, left after it.
async function first(client, query) {
  for await (const result of client.iterate({ query })) return result;
}

const sockets = socketClient();
const tokenSockets = socketClient("Bearer good");
const report = {};
for (const [name, client, tokenClient, refusedClient] of [
  ["sse", events, tokenEvents, refusedEvents],
  ["ws", sockets, tokenSockets, socketClient("Bearer bad")],
]) {
  report[name] = {
    query: await collect(client, "query($n: String!) { hello(name: $n) }", { n: "Zoé" }),
    mutation: await collect(client, "mutation { logOut }"),
    subscription: await collect(client, "subscription { count(to: 3) }"),
    invalid: await collect(client, "{ nothing }"),
    who: await collect(tokenClient, "{ who }"),
    refused: await collect(refusedClient, "{ who }"),
    left: await first(client, `subscription { wait(name: "left by ${name}") }`),
  };
}
await Promise.all([sockets.dispose(), tokenSockets.dispose()]);
console.log(JSON.stringify(report));

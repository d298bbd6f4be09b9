// An OpenID provider in FranceConnect's manner: pairwise subjects, PKCE, a signed user info, levels of assurance.
//
// Its settings come as JSON in the first argument. People log in at /log-in/<interaction>/as/<account>, and give up at
// /log-in/<interaction>/cancel. POST /keys replaces the keys that it signs with.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const settings = JSON.parse(process.argv[2]);
const scopes = ["openid", "given_name", "family_name", "email", "birthdate"];

function make(keys) {
  const provider = new Provider(settings.issuer, {
    acrValues: ["eidas1", "eidas2"],
    claims: {
      acr: null,
      amr: null,
      ...Object.fromEntries(scopes.map((scope) => [scope, [scope === "openid" ? "sub" : scope]])),
    },
    clients: settings.clients,
    cookies: { keys: ["of a test"] },
    features: {
      claimsParameter: { enabled: true },
      devInteractions: { enabled: false },
      jwtUserinfo: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    enabledJWA: { idTokenSigningAlgValues: ["ES256", "RS256"], userinfoSigningAlgValues: ["ES256", "RS256"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...settings.people[id] }) }),
    interactions: { url: (_, interaction) => `/log-in/${interaction.uid}` },
    jwks: { keys },
    pairwiseIdentifier: (_, id, client) => createHash("sha256").update(`${client.clientId} ${id}`).digest("hex"),
    pkce: { required: () => true },
    scopes,
    subjectTypes: ["pairwise"],
    ttl: { AccessToken: 60, AuthorizationCode: 300, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
  return { provider, answer: provider.callback() };
}

let current = make(settings.keys);

async function interact(request, response, [, , , action, account]) {
  const { provider } = current;
  if (!action) {
    response.end("Who are you?");
    return;
  }
  if (action === "cancel") {
    const refusal = { error: "access_denied", error_description: "<script>alert(1)</script>" };
    await provider.interactionFinished(request, response, refusal);
    return;
  }
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: account, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  grant.addOIDCClaims(["acr", "amr"]);
  await provider.interactionFinished(request, response, {
    login: { accountId: account, acr: settings.people[account].acr ?? "eidas1", amr: ["pwd", "otp"] },
    consent: { grantId: await grant.save() },
  });
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

const server = createServer(async (request, response) => {
  try {
    if (request.url.startsWith("/log-in/")) {
      await interact(request, response, request.url.split("/"));
    } else if (request.url === "/keys" && request.method === "POST") {
      current = make(await bodyOf(request));
      response.end();
    } else {
      current.answer(request, response);
    }
  } catch (error) {
    console.error(error);
    response.writeHead(500).end(String(error));
  }
});
server.listen(settings.port, "127.0.0.1", () => console.log("ready"));

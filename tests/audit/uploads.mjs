// Sends files with apollo-upload-client and with urql's own multipart support to the server at the address given,
// and prints what they received as JSON. The last argument says how many bytes the large file has.
import { ApolloClient, InMemoryCache, gql } from "@apollo/client/core";
import { Client, fetchExchange } from "@urql/core";
import UploadHttpLink from "apollo-upload-client/UploadHttpLink.mjs";

const [, , url, bytes] = process.argv;
const large = new File([new Uint8Array(Number(bytes)).fill(7)], "grande pièce.pdf", { type: "application/pdf" });
const small = new File(["bonjour"], "l’accusé « bis ».png", { type: "image/png" });

const ONE = "mutation ($file: Upload!) { see(file: $file) { name mediaType size sha256 } }";
const SEVERAL = "mutation ($files: [Upload!]!) { seeAll(files: $files) { name mediaType size sha256 } }";
const NESTED = "mutation ($pieces: [Piece!]!) { seePieces(pieces: $pieces) { name mediaType size sha256 } }";

function copies(count, file) {
  return Array.from({ length: count }, (_, number) => new File([file], `${number}.pdf`));
}

function apollo(headers) {
  const client = new ApolloClient({
    link: new UploadHttpLink({ uri: url, headers }),
    cache: new InMemoryCache(),
  });
  return async (mutation, variables) =>
    (await client.mutate({ mutation: gql(mutation), variables, fetchPolicy: "no-cache" })).data;
}

function urql(headers) {
  const client = new Client({
    url,
    exchanges: [fetchExchange],
    preferGetMethod: false,
    fetchOptions: { headers },
  });
  return async (mutation, variables) => {
    const result = await client.mutation(mutation, variables).toPromise();
    if (result.error) throw result.error;
    return result.data;
  };
}

// The codes that whoever catches what a client threw can read, whichever client it was.
async function codesOf(promise) {
  try {
    return { received: await promise };
  } catch (error) {
    const errors = error.errors ?? error.graphQLErrors;
    return errors?.map(({ extensions }) => extensions.code) ?? String(error);
  }
}

const report = {};
for (const [name, make] of [
  ["apollo", apollo],
  ["urql", urql],
]) {
  const send = make({ Authorization: "Bearer good" });
  report[name] = {
    one: await send(ONE, { file: large }),
    several: await send(SEVERAL, { files: [small, large] }),
    same: await send(SEVERAL, { files: [small, small] }),
    nested: await send(NESTED, { pieces: [{ title: "a", file: small }, { title: "b" }] }),
    visitor: await codesOf(make({})(ONE, { file: large })),
    tooMany: await codesOf(send(SEVERAL, { files: copies(11, small) })),
    tooLarge: await codesOf(send(SEVERAL, { files: copies(10, large) })),
  };
}
console.log(JSON.stringify(report));

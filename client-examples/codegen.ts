import type { CodegenConfig } from "@graphql-codegen/cli";

// The operations of operations/, typed by the contract: what both sites import from kit/src/operations.ts.
const config: CodegenConfig = {
  schema: "../schema/schema.graphql",
  documents: "operations/*.graphql",
  generates: {
    "kit/src/operations.ts": {
      plugins: ["typescript-operations", "typed-document-node"],
      config: {
        scalars: {
          Date: "string",
          DateTime: "string",
          TicketNumber: "string",
          URL: "string",
          Upload: "File",
          JSON: "unknown",
          ID: "string",
        },
        enumsAsTypes: true,
        useTypeImports: true,
        skipTypename: true,
        documentVariableSuffix: "",
        documentMode: "documentNode",
        optimizeDocumentNode: true,
      },
    },
  },
};

export default config;

// Sends a file with the public tus-js-client, going on with what an earlier process left in its storage, and prints
// what happens as one JSON object a line. The options come as JSON in the first argument.
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { FileUrlStorage, Upload } from "tus-js-client";

const options = JSON.parse(process.argv[2]);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const upload = new Upload(createReadStream(options.file), {
  endpoint: options.endpoint,
  headers: { Authorization: options.authorization },
  metadata: { filename: basename(options.file), filetype: options.type },
  chunkSize: options.chunkSize ?? Infinity,
  uploadDataDuringCreation: options.uploadDataDuringCreation ?? false,
  urlStorage: new FileUrlStorage(options.storage),
  retryDelays: Array(options.retries).fill(options.delay),
  onUploadUrlAvailable: () => tell({ event: "url", url: upload.url }),
  onChunkComplete: (_size, accepted) => tell({ event: "accepted", bytes: accepted }),
  onAfterResponse: (request, response) =>
    tell({
      event: "answer",
      method: request.getMethod(),
      status: response.getStatus(),
      offset: response.getHeader("Upload-Offset"),
    }),
  onSuccess: () => tell({ event: "done" }),
  onError: (error) => {
    tell({ event: "failed", status: error.originalResponse?.getStatus(), text: error.originalResponse?.getBody() });
    process.exitCode = 1;
  },
});

const [previous] = await upload.findPreviousUploads();
tell({ event: "previous", found: previous !== undefined });
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();

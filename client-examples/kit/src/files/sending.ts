import type { FileSource } from "../operations.ts";

/** From this size on, a file is sent in pieces that survive a lost network. */
const RESUMABLE_FROM_BYTES = 512 * 1024;
const PIECE_BYTES = 1024 * 1024;
const RETRY_MILLISECONDS = [0, 1000, 3000, 5000, 10_000, 20_000, 20_000];

/** Why a file could not be sent: the server's own sentence, or none where it could not be reached. */
export class SendingError extends Error {}

/**
 * A file as a mutation takes it. Large ones are sent first, in pieces; `onProgress` hears how much of it, from 0 to 1.
 *
 * Raises SendingError.
 */
export async function sourceOf(
  file: File,
  caller: { ticket: string | null; language: string },
  onProgress: (done: number) => void,
): Promise<FileSource> {
  if (file.size < RESUMABLE_FROM_BYTES) return { upload: file };
  const tus = await import("tus-js-client").catch((error: unknown) => {
    throw new SendingError("", { cause: error });
  });
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(file, {
      endpoint: "/uploads",
      headers: {
        "Accept-Language": caller.language,
        "X-Requested-With": "espace-citoyens",
        ...(caller.ticket && { Authorization: `Ticket ${caller.ticket}` }),
      },
      metadata: { filename: file.name, filetype: file.type },
      chunkSize: PIECE_BYTES,
      retryDelays: RETRY_MILLISECONDS,
      storeFingerprintForResuming: false,
      onProgress: (sent, total) => onProgress(total ? sent / total : 0),
      onSuccess: () => resolve({ resumableUpload: upload.url?.split("/").pop() ?? "" }),
      onError: (error) => {
        const told = "originalResponse" in error ? error.originalResponse?.getBody() : "";
        reject(new SendingError(told ?? ""));
      },
    });
    upload.start();
  });
}

const TICKET = /^[0-9A-Z]{20}$/;

/**
 * The ticket that somebody typed or followed a link with, as it is shown; null where it can be none.
 *
 * Whatever is neither a letter nor a digit is left aside: mail programs make dashes and spaces of their own, and a sentence
 * ends in a dot. Whether there is such a request, only the server knows.
 */
export function ticketOf(typed: string): string | null {
  const characters = typed
    .normalize("NFKC")
    .replace(/[^\p{L}\p{N}]/gu, "")
    .toUpperCase();
  return TICKET.test(characters) ? characters.replace(/.{4}(?=.)/g, "$&-") : null;
}

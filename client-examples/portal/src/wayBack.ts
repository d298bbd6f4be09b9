import { keep, readKept } from "@espace-citoyens/kit/kept.ts";

/**
 * Where somebody was going when they were asked to log in, while a provider identifies them elsewhere.
 *
 * Kept by the browser and not sent along: the address of a request holds its ticket, which is nobody else's business.
 */
const KEY = "way back";

/** The page that is to be shown once somebody has logged in here: the one that they asked for, or Mon espace citoyen. */
export function wayBack(): string {
  if (location.pathname !== "/" && location.pathname !== "/connexion") return location.pathname;
  const wanted = new URLSearchParams(location.search).get("retour");
  return wanted?.startsWith("/demandes/") ? wanted : "/mon-espace";
}

export function keepWayBack(path: string): void {
  keep(KEY, path, "tab");
}

/** The page that was kept, once. */
export function takeWayBack(): string | null {
  const kept = readKept<unknown>(KEY, null, "tab");
  keep(KEY, null, "tab");
  return typeof kept === "string" ? kept : null;
}

import type { DeskRequestFilter, RequestStatus } from "@espace-citoyens/kit/operations.ts";
import type { Frame } from "../frame.tsx";

export const STATUSES: readonly RequestStatus[] = [
  "SUBMITTED",
  "IN_PROGRESS",
  "AWAITING_CITIZEN",
  "ACCEPTED",
  "REFUSED",
  "CANCELLED",
];

/** What stands in the address for nobody, where an agent's id stands for somebody. */
export const NOBODY = "personne";

/** What of an address can be chosen here: the rest, of an old link or a mistyped one, is left out. */
export function known(search: URLSearchParams, { desk, procedures }: Frame): URLSearchParams {
  const choices: Record<string, readonly string[]> = {
    etat: STATUSES,
    demarche: procedures.map(({ id }) => id),
    agent: [NOBODY, ...desk.agents.map(({ id }) => id)],
  };
  const left = new URLSearchParams(search);
  for (const [name, choice] of Object.entries(choices)) {
    const value = left.get(name);
    if (value !== null && !choice.includes(value)) left.delete(name);
  }
  return left;
}

/** What an address that is known asks for. */
export function filterOf(search: URLSearchParams): DeskRequestFilter {
  const status = STATUSES.find((each) => each === search.get("etat"));
  const agent = search.get("agent");
  return {
    search: search.get("recherche"),
    status: status ? [status] : null,
    procedure: search.get("demarche"),
    assignee: agent === NOBODY ? null : agent,
    unassigned: agent === NOBODY ? true : null,
    unread: search.has("a-lire") ? true : null,
    archived: search.has("archivees"),
  };
}

import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useState } from "react";
import { useFrame } from "../frame.tsx";
import { byCategory } from "../procedures/every.ts";
import { useStatuses } from "../statuses.ts";
import { useWords } from "../wording.ts";
import { NOBODY, STATUSES } from "./filter.ts";

/** What the list can be narrowed by. A choice is made at once, words once they are left or sent. */
export function Filters({
  search,
  onSet,
}: {
  search: URLSearchParams;
  onSet: (name: string, value: string) => void;
}) {
  const words = useWords();
  const statuses = useStatuses();
  const { desk, procedures } = useFrame();
  const sought = search.get("recherche") ?? "";
  const [{ typed, before }, setTyped] = useState({ typed: sought, before: sought });
  // What is sought has changed otherwise, by a link or the browser's arrows: the field says what the list shows.
  if (before !== sought) setTyped({ typed: sought, before: sought });
  return (
    <search aria-label={words.inbox.filters}>
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          onSet("recherche", typed.trim());
        }}
      >
        <Labelled path="recherche" label={words.inbox.search}>
          {(described) => (
            <span className="search-box">
              <input
                {...described}
                type="search"
                value={typed}
                onChange={(event) => setTyped({ typed: event.target.value, before })}
                onBlur={() => onSet("recherche", typed.trim())}
              />
              <button type="submit" className="button">
                <Icon name="search" label={words.inbox.find} />
              </button>
            </span>
          )}
        </Labelled>
        <Labelled path="etat" label={words.inbox.status}>
          {(described) => (
            <select
              {...described}
              value={search.get("etat") ?? ""}
              onChange={(event) => onSet("etat", event.target.value)}
            >
              <option value="">{words.inbox.every}</option>
              {STATUSES.map((status) => (
                <option key={status} value={status}>
                  {statuses[status]}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <Labelled path="demarche" label={words.inbox.procedure}>
          {(described) => (
            <select
              {...described}
              value={search.get("demarche") ?? ""}
              onChange={(event) => onSet("demarche", event.target.value)}
            >
              <option value="">{words.inbox.everyProcedure}</option>
              {byCategory(procedures).map(([category, inside]) => (
                <optgroup key={category.slug} label={category.title}>
                  {inside.map((procedure) => (
                    <option key={procedure.id} value={procedure.id}>
                      {procedure.title}
                    </option>
                  ))}
                </optgroup>
              ))}
            </select>
          )}
        </Labelled>
        <Labelled path="agent" label={words.inbox.assignee}>
          {(described) => (
            <select
              {...described}
              value={search.get("agent") ?? ""}
              onChange={(event) => onSet("agent", event.target.value)}
            >
              <option value="">{words.inbox.everybody}</option>
              <option value={NOBODY}>{words.request.nobody}</option>
              {desk.agents.map((agent) => (
                <option key={agent.id} value={agent.id}>
                  {agent.displayName}
                  {agent.id === desk.agent.id ? ` (${words.inbox.me})` : ""}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        <div>
          <label className="option">
            <input
              type="checkbox"
              checked={search.has("a-lire")}
              onChange={(event) => onSet("a-lire", event.target.checked ? "1" : "")}
            />
            {words.inbox.unread}
          </label>
          <label className="option">
            <input
              type="checkbox"
              checked={search.has("archivees")}
              onChange={(event) => onSet("archivees", event.target.checked ? "1" : "")}
            />
            {words.inbox.archived}
          </label>
        </div>
      </form>
    </search>
  );
}

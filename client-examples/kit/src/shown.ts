import type { AnyVariables, CombinedError, TypedDocumentNode } from "@urql/core";
import { useCallback, useRef } from "react";
import { useQuery } from "urql";
import { useBack, useDoor } from "./door.tsx";

interface Shown<Data> {
  data: Data | undefined;
  /** Why the last reading failed; what was read before is shown still. */
  error: CombinedError | undefined;
  /** Read from what was kept, with what is so now on its way. */
  stale: boolean;
  reload: () => void;
}

/** What a page shows: once read it stays, and a reading that fails is made up for when the network is back. */
export function useShown<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Shown<Data> {
  const { opened } = useDoor();
  const [{ data, error, stale }, execute] = useQuery({ query, variables } as Parameters<
    typeof useQuery<Data, Variables>
  >[0]);
  const reload = useCallback(() => execute({ requestPolicy: "network-only" }), [execute]);
  // What another caller has read, or what is of something else, is not shown.
  const asked = JSON.stringify(variables);
  const last = useRef({ opened, asked, data });
  if (data !== undefined || last.current.opened !== opened || last.current.asked !== asked)
    last.current = { opened, asked, data };
  const shown = last.current.data;
  // Where nothing is shown, what stands there instead sees to it.
  useBack(error === undefined || shown === undefined ? null : reload);
  return { data: shown, error, stale, reload };
}

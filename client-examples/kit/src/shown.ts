import type { AnyVariables, CombinedError, TypedDocumentNode } from "@urql/core";
import { useCallback, useRef } from "react";
import { useQuery } from "urql";
import { useBack, useDoor } from "./door.tsx";
import { useLanguage } from "./language.tsx";
import { callProblem, isPassing } from "./outcome.ts";

interface Shown<Data> {
  data: Data | undefined;
  /** Why the last reading failed; what was read before is shown still. */
  error: CombinedError | undefined;
  /** Read from what was kept, with what is so now on its way. */
  stale: boolean;
  reload: () => void;
}

/** What a page shows: once read it stays, in another language too, and a reading that fails is made up for when the network is back. */
export function useShown<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Shown<Data> {
  const { opened } = useDoor();
  const { language } = useLanguage();
  const [{ data, error, fetching, stale }, execute] = useQuery({ query, variables } as Parameters<
    typeof useQuery<Data, Variables>
  >[0]);
  const reload = useCallback(() => execute({ requestPolicy: "network-only" }), [execute]);
  const asked = JSON.stringify(variables);
  const last = useRef({ opened, asked, data });
  // What is there while another answer is on its way is still that of the question before.
  if (data !== undefined && !fetching) last.current = { opened, asked, data };
  // What another caller has read, or what is of something else, does not stay.
  const stays = last.current.opened === opened && last.current.asked === asked;
  const shown = data ?? (stays ? last.current.data : undefined);
  // Where nothing is shown, what stands there instead sees to it.
  useBack(error && shown !== undefined && isPassing(callProblem(error, language)) ? reload : null);
  return { data: shown, error, stale, reload };
}

import { useCallback } from "react";
import { useSearchParams } from "wouter";

/**
 * What the address says about its page under this name: there again when it is loaded again, or come back to. Null: nothing.
 *
 * It is replaced, not gone on from: the browser's arrows lead from page to page, not from letter to letter.
 */
export function useAddressed(name: string): [string | null, (value: string | null) => void] {
  const [search] = useSearchParams();
  const set = useCallback(
    (value: string | null) => {
      const address = new URL(location.href);
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
      // A part of the page that was led to before is not what is looked for now.
      address.hash = "";
      history.replaceState(history.state, "", address);
    },
    [name],
  );
  return [search.get(name), set];
}

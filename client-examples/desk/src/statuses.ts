import { useWording } from "@espace-citoyens/kit/language.tsx";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { useWords } from "./wording.ts";

/** What each status is called here: what waits for “your answer” on the citizen's site waits for theirs. */
export function useStatuses() {
  const words = useWords();
  const { status } = useWording(WORDING);
  return { ...status, AWAITING_CITIZEN: words.request.awaitingCitizen };
}

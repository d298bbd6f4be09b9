import { ProblemNotice } from "./elements/Notice.tsx";
import { type Language, useWording } from "./language.tsx";
import type { Problem } from "./outcome.ts";

/** What kept somebody from logging out. They go away from the computer only once they know that it is done. */
export function LogOutProblem({ problem }: { problem: Problem | null }) {
  const wording = useWording(WORDING);
  return (
    <ProblemNotice problem={problem}>
      <p>{wording.still}</p>
    </ProblemNotice>
  );
}

const fr = { still: "Vous êtes toujours connecté." };
const en: typeof fr = { still: "You are still logged in." };

const WORDING: Record<Language, typeof fr> = { fr, en };

import { useWording } from "@espace-citoyens/kit/language.tsx";
import { en } from "./wording/en.ts";
import { fr } from "./wording/fr.ts";

export function useWords() {
  return useWording({ fr, en });
}

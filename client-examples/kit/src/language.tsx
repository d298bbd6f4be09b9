import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { keep, readKept } from "./kept.ts";

export type Language = "fr" | "en";

/** What the municipality writes, from the names of its procedures to the help of a field, is in this one, whatever that of the page. */
export const MUNICIPALITY_LANGUAGE: Language = "fr";

interface Chosen {
  language: Language;
  setLanguage: (language: Language) => void;
}

const KEY = "language";
const LanguageContext = createContext<Chosen | null>(null);

function firstLanguage(): Language {
  const kept = readKept<unknown>(KEY, null);
  if (kept === "fr" || kept === "en") return kept;
  return navigator.language.startsWith("en") ? "en" : "fr";
}

/** The language of the page, of what the server says, and of the mails it sends: French unless somebody chose English. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = language;
    keep(KEY, language);
  }, [language]);
  const chosen = useMemo(() => ({ language, setLanguage }), [language]);
  return <LanguageContext value={chosen}>{children}</LanguageContext>;
}

export function useLanguage(): Chosen {
  const chosen = useContext(LanguageContext);
  if (chosen === null) throw new Error("No LanguageProvider above");
  return chosen;
}

/** The site's own sentences in the language of the page. */
export function useWording<Wording>(wordings: Record<Language, Wording>): Wording {
  return wordings[useLanguage().language];
}

import type { Language } from "./language.tsx";

interface Punctuation {
  colon: string;
  semicolon: string;
}

/** What stands between a label and what it says, and between the parts of a list: French keeps a space before it. */
export const PUNCTUATION: Record<Language, Punctuation> = {
  fr: { colon: "\u00a0: ", semicolon: "\u00a0; " },
  en: { colon: ": ", semicolon: "; " },
};

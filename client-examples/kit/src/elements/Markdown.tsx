import { micromark } from "micromark";
import { useMemo } from "react";
import { MUNICIPALITY_LANGUAGE } from "../language.tsx";

/** What an agent wrote in Markdown. HTML in it is shown as it was typed, and only harmless addresses become links. */
export function Markdown({ text }: { text: string }) {
  const html = useMemo(() => micromark(text), [text]);
  return (
    <div
      className="prose"
      lang={MUNICIPALITY_LANGUAGE}
      // biome-ignore lint/security/noDangerouslySetInnerHtml: micromark escapes HTML and drops dangerous protocols
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
}

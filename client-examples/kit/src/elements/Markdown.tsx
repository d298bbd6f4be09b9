import { micromark } from "micromark";
import { useMemo } from "react";

/** What an agent wrote in Markdown. HTML in it is shown as it was typed, and only harmless addresses become links. */
export function Markdown({ text }: { text: string }) {
  const html = useMemo(() => micromark(text), [text]);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: micromark escapes HTML and drops dangerous protocols
  return <div className="prose" dangerouslySetInnerHTML={{ __html: html }} />;
}

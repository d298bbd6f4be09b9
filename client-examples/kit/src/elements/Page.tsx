import { type ReactNode, useEffect, useRef } from "react";
import type { Language } from "../language.tsx";

interface Properties {
  title: string;
  /** Of the title, where it is not that of the page. */
  titleLanguage?: Language | undefined;
  /** What of it is shown, where it has several parts. */
  part?: string | undefined;
  site: string;
  /** What the page is there for, in the municipality's colours together with its heading. */
  lead?: ReactNode;
  children: ReactNode;
}

/** A page: its title in the window, and the focus on its heading when it is come to from another one. */
export function Page({ title, titleLanguage, part, site, lead, children }: Properties) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = [part, title, site].filter(Boolean).join(" – ");
  }, [title, part, site]);
  useEffect(() => {
    if (Page.visited) heading.current?.focus({ preventScroll: true });
    Page.visited = true;
    if (!location.hash) window.scrollTo(0, 0);
  }, []);
  return (
    <>
      <div className="hero">
        <h1 ref={heading} tabIndex={-1} lang={titleLanguage}>
          {title}
        </h1>
        {lead}
      </div>
      {children}
    </>
  );
}
Page.visited = false;

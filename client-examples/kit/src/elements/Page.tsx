import { type ReactNode, useEffect, useRef } from "react";

/** A page: its title in the window, and the focus on its heading when it is come to from another one. */
export function Page({ title, site, children }: { title: string; site: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = site ? `${title} – ${site}` : title;
  }, [title, site]);
  useEffect(() => {
    if (Page.visited) heading.current?.focus({ preventScroll: true });
    Page.visited = true;
    if (!location.hash) window.scrollTo(0, 0);
  }, []);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </>
  );
}
Page.visited = false;

import { Link } from "wouter";
import { SitePage } from "./SitePage.tsx";
import { useWords } from "./wording.ts";

/** What an address leads to that names nothing, and a way back. */
export function NotFound() {
  const words = useWords();
  return (
    <SitePage title={words.frame.notFound}>
      <p>{words.frame.notFoundText}</p>
      <Link href="/" className="button">
        {words.frame.back}
      </Link>
    </SitePage>
  );
}

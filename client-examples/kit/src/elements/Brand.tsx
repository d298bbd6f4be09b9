import { Link } from "wouter";

/** Whose site it is, at the top of each of its pages, and the way to the first of them. */
export function Brand({ municipality, site }: { municipality: string; site: string }) {
  return (
    <Link href="/" className="brand">
      <img src="/logo" alt="" height="44" />
      <span>
        <strong>{municipality}</strong>
        <span>{site}</span>
      </span>
    </Link>
  );
}

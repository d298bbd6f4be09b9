import "./settings.css";
import { Link, useLocation } from "wouter";
import { useFrame } from "./frame.tsx";
import { useWords } from "./wording.ts";

/** The pages that the settings are made of. */
export function SettingsPlaces() {
  const words = useWords().places;
  const { desk } = useFrame();
  const [location] = useLocation();
  const places = [
    ["/reglages", words.general],
    ["/reglages/acces", words.access],
    ...(desk.agent.role === "ADMINISTRATOR" ? [["/reglages/partenaires", words.partners] as const] : []),
  ] as const;
  return (
    <nav aria-label={words.label} className="places">
      {places.map(([href, title]) => (
        <Link key={href} href={href} aria-current={location === href ? "page" : undefined}>
          {title}
        </Link>
      ))}
    </nav>
  );
}

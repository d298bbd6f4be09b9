import { type Language, useWording } from "../language.tsx";

const WORDING: Record<Language, string> = { fr: "Réessayer", en: "Try again" };

export function TryAgain({ onClick }: { onClick: () => void }) {
  return (
    <button type="button" className="button" onClick={onClick}>
      {useWording(WORDING)}
    </button>
  );
}

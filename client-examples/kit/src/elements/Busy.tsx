import { useEffect, useState } from "react";
import { useLanguage } from "../language.tsx";

const PATIENCE_MILLISECONDS = 300;

/** Shown only where the wait is long enough to be noticed. */
export function Busy() {
  const { language } = useLanguage();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p className="busy" role="status">
      {shown ? (language === "fr" ? "Chargement…" : "Loading…") : ""}
    </p>
  );
}

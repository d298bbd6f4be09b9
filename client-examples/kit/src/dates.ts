import type { Language } from "./language.tsx";

/** Instants are shown in the municipality's time, wherever the reader is. */
let zone = "Europe/Paris";

export function setZone(timezone: string): void {
  zone = timezone;
}

function format(instant: string, language: Language, options: Intl.DateTimeFormatOptions): string {
  const locale = language === "fr" ? "fr-FR" : "en-GB";
  return said(instant, language, new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }));
}

/** As the format has it; in French the first of a month has a name of its own, which Intl does not know: 1er janvier. */
export function said(instant: string, language: Language, format: Intl.DateTimeFormat): string {
  return format
    .formatToParts(new Date(instant))
    .map(({ type, value }) => (language === "fr" && type === "day" && value === "1" ? "1er" : value))
    .join("");
}

/** 31 janvier 2026 à 09:30. */
export function readableInstant(instant: string, language: Language): string {
  return format(instant, language, { dateStyle: "long", timeStyle: "short" });
}

/** samedi 31 janvier 2026. */
export function readableDay(instant: string, language: Language): string {
  return format(instant, language, { dateStyle: "full" });
}

/** 27 juin 1948, of a day as the API writes it: a day of birth is nobody's Saturday. */
export function readableDate(day: string, language: Language): string {
  return format(`${day}T12:00:00Z`, language, { dateStyle: "long" });
}

/** 09:30. */
export function readableTime(instant: string, language: Language): string {
  return format(instant, language, { hour: "2-digit", minute: "2-digit" });
}

/** 2026-01-31, as the API writes days: the municipality's day of an instant. */
export function dayOf(instant: Date): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(instant);
}

/** The last second of a day, in the municipality's time, as the API takes instants. */
export function endOfDay(day: string): string {
  const inUtc = new Date(`${day}T23:59:59Z`);
  const shown = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "medium",
  }).format(inUtc);
  const ahead = new Date(`${shown.replace(" ", "T")}Z`).getTime() - inUtc.getTime();
  return new Date(inUtc.getTime() - ahead).toISOString();
}

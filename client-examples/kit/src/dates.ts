import type { Language } from "./language.tsx";

/** Instants are shown in the municipality's time, wherever the reader is. */
let zone = "Europe/Paris";

export function setZone(timezone: string): void {
  zone = timezone;
}

function formatFor(language: Language, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(language === "fr" ? "fr-FR" : "en-GB", { timeZone: zone, ...options });
}

function format(instant: string, language: Language, options: Intl.DateTimeFormatOptions): string {
  return said(instant, language, formatFor(language, options));
}

/** As the format has it; in French the first of a month has a name of its own, which Intl does not know: 1er janvier. */
export function said(instant: string, language: Language, format: Intl.DateTimeFormat): string {
  return inWords(format.formatToParts(new Date(instant)), language);
}

function inWords(parts: readonly { type: string; value: string }[], language: Language): string {
  return parts
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

/** 21–27 décembre, or 29 juin – 5 juillet: from one day to another, as the API writes them. */
export function readableDays(first: string, last: string, language: Language): string {
  const [from, to] = [first, last].map((day) => new Date(`${day}T12:00:00Z`)) as [Date, Date];
  const format = formatFor(language, { day: "numeric", month: "long" });
  return inWords(format.formatRangeToParts(from, to), language);
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

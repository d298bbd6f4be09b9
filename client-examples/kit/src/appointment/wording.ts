import type { Language } from "../language.tsx";

const fr = {
  firstAvailable: "1er dispo",
  previousWeek: "Semaine précédente",
  nextWeek: "Semaine suivante",
  place: "Lieu",
  noSlots: "Aucun créneau disponible cette semaine.",
  noFirst: "Aucun créneau n’est ouvert pour le moment.",
  week: (from: string, to: string) => `Du ${from} au ${to}`,
  remaining: (count: number) => (count > 1 ? `${count} places` : "1 place"),
  chosen: "Créneau choisi",
  loading: "Recherche des créneaux…",
};

const en: typeof fr = {
  firstAvailable: "First available",
  previousWeek: "Previous week",
  nextWeek: "Next week",
  place: "Place",
  noSlots: "No slot available this week.",
  noFirst: "No slot is open at the moment.",
  week: (from, to) => `${from} to ${to}`,
  remaining: (count) => (count > 1 ? `${count} places` : "1 place"),
  chosen: "Chosen slot",
  loading: "Looking for slots…",
};

export const WORDING: Record<Language, typeof fr> = { fr, en };

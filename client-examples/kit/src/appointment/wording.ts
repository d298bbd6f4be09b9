import type { Language } from "../language.tsx";

const fr = {
  firstAvailable: "1er dispo",
  previousWeek: "Semaine précédente",
  nextWeek: "Semaine suivante",
  place: "Lieu",
  noSlots: "Aucun créneau disponible cette semaine.",
  noFirst: "Aucun créneau n’est ouvert pour le moment.",
  chosen: "Créneau choisi",
  loading: "Recherche des créneaux…",
  move: "Déplacer le rendez-vous",
  book: "Prendre rendez-vous",
  choose: "Choisissez un créneau",
  confirm: "Confirmer ce créneau",
  cancel: "Annuler le rendez-vous",
  cancelTitle: "Annuler ce rendez-vous ?",
  keep: "Garder le rendez-vous",
};

const en: typeof fr = {
  firstAvailable: "First available",
  previousWeek: "Previous week",
  nextWeek: "Next week",
  place: "Place",
  noSlots: "No slot available this week.",
  noFirst: "No slot is open at the moment.",
  chosen: "Chosen slot",
  loading: "Looking for slots…",
  move: "Move the appointment",
  book: "Book an appointment",
  choose: "Choose a slot",
  confirm: "Confirm this slot",
  cancel: "Cancel the appointment",
  cancelTitle: "Cancel this appointment?",
  keep: "Keep the appointment",
};

export const WORDING: Record<Language, typeof fr> = { fr, en };

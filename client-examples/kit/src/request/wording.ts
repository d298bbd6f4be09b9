import type { Language } from "../language.tsx";
import type { ReadState, RequestStatus } from "../operations.ts";

const fr = {
  status: {
    DRAFT: "Brouillon",
    SUBMITTED: "Envoyée",
    IN_PROGRESS: "En cours de traitement",
    AWAITING_CITIZEN: "En attente de votre réponse",
    ACCEPTED: "Acceptée",
    REFUSED: "Refusée",
    CANCELLED: "Annulée",
  } satisfies Record<RequestStatus, string> as Record<RequestStatus, string>,
  readState: {
    SENT_UNREAD: "La mairie n’a pas encore lu votre message.",
    SENT_READ: "La mairie a lu votre message.",
    RECEIVED_UNREAD: "Vous n’avez pas lu ce message adressé par la mairie.",
    RECEIVED_READ: "Vous avez lu ce message adressé par la mairie.",
  } satisfies Record<ReadState, string> as Record<ReadState, string>,
  readStateAtDesk: {
    SENT_UNREAD: "Le citoyen n’a pas encore lu votre message.",
    SENT_READ: "Le citoyen a lu votre message.",
    RECEIVED_UNREAD: "Ce message du citoyen n’est pas lu.",
    RECEIVED_READ: "Ce message du citoyen est lu.",
  } satisfies Record<ReadState, string> as Record<ReadState, string>,
  toRead: "Échange à lire",
  newExchange: "Nouvel échange",
  add: "Ajouter",
  earlier: "Voir les échanges précédents",
  noExchanges: "Aucun échange pour le moment.",
  arrived: (author: string) => `Nouvel échange de ${author}`,
  readNow: "Votre message a été lu.",
  empty: "Écrivez votre message.",
  noHistory: "Aucun événement.",
  moreHistory: "Voir la suite",
  interrupted: "Connexion interrompue : la page se mettra à jour dès son retour.",
};

const en: typeof fr = {
  status: {
    DRAFT: "Draft",
    SUBMITTED: "Sent",
    IN_PROGRESS: "In progress",
    AWAITING_CITIZEN: "Waiting for your answer",
    ACCEPTED: "Accepted",
    REFUSED: "Refused",
    CANCELLED: "Cancelled",
  },
  readState: {
    SENT_UNREAD: "The mairie has not read your message yet.",
    SENT_READ: "The mairie has read your message.",
    RECEIVED_UNREAD: "You have not read this message from the mairie.",
    RECEIVED_READ: "You have read this message from the mairie.",
  },
  readStateAtDesk: {
    SENT_UNREAD: "The citizen has not read your message yet.",
    SENT_READ: "The citizen has read your message.",
    RECEIVED_UNREAD: "This message from the citizen is unread.",
    RECEIVED_READ: "This message from the citizen is read.",
  },
  toRead: "Message to read",
  newExchange: "New message",
  add: "Add",
  earlier: "Show earlier messages",
  noExchanges: "No messages yet.",
  arrived: (author) => `New message from ${author}`,
  readNow: "Your message was read.",
  empty: "Write your message.",
  noHistory: "No events.",
  moreHistory: "Show more",
  interrupted: "Connection lost: the page will catch up as soon as it is back.",
};

export const WORDING: Record<Language, typeof fr> = { fr, en };

import { said } from "@espace-citoyens/kit/dates.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { type Caller, type Event, follow, type Notification, type Present, read } from "./stream.ts";

const MOST_EVENTS = 10;

const WORDS = {
  fr: {
    title: "Mes demandes",
    none: "Rien de nouveau.",
    unread: (count: number) =>
      count === 0 ? "aucun échange à lire" : count === 1 ? "1 échange à lire" : `${count} échanges à lire`,
  },
  en: {
    title: "My requests",
    none: "Nothing new.",
    unread: (count: number) =>
      count === 0 ? "no message to read" : count === 1 ? "1 message to read" : `${count} messages to read`,
  },
};

const STYLE = `
:host { position: relative; display: inline-block; font: inherit; color: inherit }
:host([hidden]) { display: none }
button { all: unset; box-sizing: border-box; cursor: pointer; position: relative; min-width: 44px; min-height: 44px;
  display: inline-grid; place-items: center; color: var(--espace-citoyens-color, #1f4e79) }
button:focus-visible, a:focus-visible { outline: 3px solid currentColor; outline-offset: 2px }
svg { width: 26px; height: 26px; fill: currentColor }
b { position: absolute; top: 0; right: 0; min-width: 20px; padding: 0 5px; box-sizing: border-box; border-radius: 10px;
  background: #b84a00; color: #fff; font: 700 13px/20px system-ui, sans-serif; text-align: center }
b:empty { display: none }
div { text-align: start; position: absolute; right: 0; top: 100%; z-index: 10; width: min(340px, 90vw); max-height: 70vh; overflow: auto;
  background: #fff; color: #1d2733; border: 1px solid #6b7885; border-radius: 6px; padding: 8px 14px; font-size: 15px }
div[hidden] { display: none }
h2 { font-size: 1.05em; margin: 6px 0 }
ul { list-style: none; margin: 0; padding: 0 }
li { padding: 8px 0; border-top: 1px solid #c9d1d9 }
a { color: var(--espace-citoyens-color, #1f4e79); font-weight: 600 }
time { color: #52606f; display: block }
p { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }`;

const BELL =
  '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 22a2 2 0 0 0 2-2h-4a2 2 0 0 0 2 2m6-6v-5a6 6 0 0 0-4.5-5.8V4a1.5 1.5 0 0 0-3 0v1.2A6 6 0 0 0 6 11v5l-2 2v1h16v-1z"/></svg>';

/**
 * `<espace-citoyens-notifications api="https://demarches.commune.example">`: how many exchanges wait, and what is new.
 *
 * Attributes: `api` (by default, where the script comes from), `lang` (fr, en; by default the page's), `site` (the portal that
 * requests are opened in; by default the API's). The portal's cookie says who it is, on any host of the mairie's own domain
 * that `ESPACE_ALLOWED_ORIGINS` names. Property: `token`, a session's, on the site of another domain. Hidden as long as
 * nobody is logged in. Fires `espace-citoyens-notification` with each event.
 */
class Notifications extends HTMLElement {
  static observedAttributes = ["api", "lang"];

  #token: string | null = null;
  #stopped: AbortController | null = null;
  #gone: AbortController | null = null;
  #present: Present = { timezone: "UTC", unread: 0, events: [] };
  #root = this.attachShadow({ mode: "open" });

  constructor() {
    super();
    this.#root.innerHTML = `<style>${STYLE}</style><button type="button" aria-expanded="false" aria-controls="list">${BELL}<b aria-hidden="true"></b></button><div id="list" role="region" hidden><h2></h2><ul></ul></div><p role="status"></p>`;
    this.#button.addEventListener("click", () => this.#toggle(this.#list.hidden === true));
    this.#root.addEventListener("keydown", (event) => {
      if ((event as KeyboardEvent).key !== "Escape" || this.#list.hidden) return;
      this.#toggle(false);
      this.#button.focus();
    });
    this.addEventListener("focusout", (event) => {
      if (event.relatedTarget !== null && event.relatedTarget !== this) this.#toggle(false);
    });
  }

  get token(): string | null {
    return this.#token;
  }

  set token(token: string | null) {
    this.#token = token;
    if (this.isConnected) this.#start();
  }

  connectedCallback(): void {
    this.#gone = new AbortController();
    const { signal } = this.#gone;
    document.addEventListener(
      "click",
      (event) => event.composedPath().includes(this) || this.#toggle(false),
      { signal },
    );
    // Somebody may have logged in elsewhere meanwhile.
    document.addEventListener("visibilitychange", () => this.hidden && !document.hidden && this.#start(), {
      signal,
    });
    this.#start();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#start();
  }

  disconnectedCallback(): void {
    this.#gone?.abort();
    this.#stopped?.abort();
  }

  get #button() {
    return this.#root.querySelector("button") as HTMLButtonElement;
  }

  get #list() {
    return this.#root.querySelector("div") as HTMLDivElement;
  }

  get #language(): "fr" | "en" {
    const said = this.getAttribute("lang") ?? document.documentElement.lang;
    return said.startsWith("en") ? "en" : "fr";
  }

  get #api(): string {
    return (this.getAttribute("api") ?? new URL(import.meta.url).origin).replace(/\/$/, "");
  }

  async #start(): Promise<void> {
    this.#stopped?.abort();
    const stopped = new AbortController();
    this.#stopped = stopped;
    this.hidden = true;
    const caller: Caller = { api: this.#api, token: this.#token, language: this.#language };
    let present: Present | null = null;
    for (let wait = 1000; present === null && !stopped.signal.aborted; wait = Math.min(wait * 2, 30_000)) {
      try {
        present = await read(caller, stopped.signal);
        if (present === null) return;
      } catch {
        // The server cannot be reached: asked again until it can.
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
    if (present === null || stopped.signal.aborted) return;
    const from = present.events[0]?.cursor ?? null;
    this.#present = { ...present, events: present.events.filter(isNews).slice(0, MOST_EVENTS) };
    this.hidden = false;
    this.#show();
    await follow(caller, from, (notification) => this.#take(notification), stopped.signal);
    // Logged out meanwhile.
    if (!stopped.signal.aborted) this.hidden = true;
  }

  #take({ unreadExchangeCount, event }: Notification): void {
    const { timezone, events } = this.#present;
    const news = event !== null && isNews(event) && events.every(({ id }) => id !== event.id);
    this.#present = {
      timezone,
      unread: unreadExchangeCount,
      events: news ? [event, ...events].slice(0, MOST_EVENTS) : events,
    };
    this.#show();
    if (!news) return;
    (this.#root.querySelector("p") as HTMLElement).textContent =
      `${event.request.procedure.title}${PUNCTUATION[this.#language].colon}${event.description}`;
    this.dispatchEvent(new CustomEvent("espace-citoyens-notification", { detail: event, bubbles: true }));
  }

  #toggle(open: boolean): void {
    this.#list.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
  }

  #show(): void {
    const words = WORDS[this.#language];
    const { timezone, unread, events } = this.#present;
    this.#button.setAttribute(
      "aria-label",
      `${words.title}${PUNCTUATION[this.#language].colon}${words.unread(unread)}`,
    );
    (this.#root.querySelector("b") as HTMLElement).textContent = unread ? String(unread) : "";
    this.#list.setAttribute("aria-label", words.title);
    (this.#root.querySelector("h2") as HTMLElement).textContent = words.title;
    const format = new Intl.DateTimeFormat(this.#language, {
      dateStyle: "medium",
      timeStyle: "short",
      timeZone: timezone,
    });
    const site = (this.getAttribute("site") ?? this.#api).replace(/\/$/, "");
    const lines = events.map((event) => {
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.href = `${site}/mon-espace/demandes/${encodeURIComponent(event.request.id)}`;
      link.textContent = event.request.procedure.title;
      const time = document.createElement("time");
      time.dateTime = event.occurredAt;
      time.textContent = said(event.occurredAt, this.#language, format);
      line.append(link, ` ${event.description}`, time);
      return line;
    });
    const list = this.#root.querySelector("ul") as HTMLUListElement;
    list.replaceChildren(...lines);
    if (lines.length === 0) list.textContent = words.none;
  }
}

/** What a citizen did is known to them, and that they were read is seen where they wrote. */
function isNews({ actor, __typename }: Event): boolean {
  return actor !== "CITIZEN" && __typename !== "ExchangesRead";
}

customElements.define("espace-citoyens-notifications", Notifications);

import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskParkedMails, type DeskParkedMailsQuery, ResendMail } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { useWords } from "../wording.ts";
import { useResendAll } from "./useResendAll.ts";

type Page = NonNullable<DeskParkedMailsQuery["desk"]>["parkedMails"];
type Mail = Page["nodes"][number];

/** Mail that was given up: which, to whom and why; sent again one by one, or all of it. */
export function ParkedMails() {
  const words = useWords().settings;
  const { agents } = useWords();
  const announce = useAnnounce();
  const [{ data, error }, execute] = useQuery({
    query: DeskParkedMails,
    variables: { after: null },
    requestPolicy: "network-only",
  });
  const [resend, busy] = useChange(ResendMail, (answer) => answer.resendMail);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [later, setLater] = useState<string[]>([]);
  // Taken away without reading the pages again: the first mail of the next one would move up into it.
  const [resent, setResent] = useState<ReadonlySet<string>>(new Set());
  const count = useRef<HTMLParagraphElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const everything = useRef<HTMLButtonElement>(null);
  const reload = () => {
    setLater([]);
    setResent(new Set());
    execute({ requestPolicy: "network-only" });
  };
  const all = useResendAll((done, problem) => {
    setProblem(problem);
    announce(words.resentCount(done));
    // Some may be refused again already.
    reload();
    if (document.activeElement === everything.current) count.current?.focus();
  });
  const page = data?.desk?.parkedMails;
  if (!page) return <Waiting error={error} nobody={data?.desk === null} onTryAgain={reload} />;
  const left = page.totalCount - resent.size;
  const send = async (mail: Mail, button: HTMLButtonElement) => {
    // The button stays as it is meanwhile: one that is disabled loses the focus.
    if (busy) return;
    const { success, problem } = await resend({ mail: mail.id });
    setProblem(problem);
    if (!success) return reload();
    announce(agents.resent);
    focusNext(button, list.current, count.current);
    setResent((before) => new Set([...before, mail.id]));
  };
  const shown = { resent, onSend: send };
  return (
    <>
      <p ref={count} tabIndex={-1}>
        {left > 0 ? words.mailCount(left) : words.noMails} {left > 0 && words.mailsText}
      </p>
      <ProblemNotice problem={problem} />
      {(left > 1 || all.progress) && (
        <div className="actions">
          <button
            ref={everything}
            type="button"
            className="button-second"
            onClick={() => (all.progress ? all.stop() : all.start(left))}
          >
            {all.progress ? words.stop : words.resendAll}
          </button>
          {all.progress && (
            <>
              <progress aria-label={words.resendAll} value={all.progress.done} max={all.progress.total} />
              <span>{words.resending(all.progress.done, all.progress.total)}</span>
            </>
          )}
        </div>
      )}
      <div ref={list}>
        <Mails page={page} {...shown} onMore={later.length === 0 ? (next) => setLater([next]) : null} />
        {later.map((after, index) => (
          <LaterMails
            key={after}
            after={after}
            {...shown}
            onMore={index === later.length - 1 ? (next) => setLater([...later, next]) : null}
          />
        ))}
      </div>
    </>
  );
}

/** The focus goes on from a button that is about to go to the one after it, the last before it, or the count. */
function focusNext(button: HTMLElement, list: HTMLElement | null, count: HTMLElement | null) {
  const buttons = [...(list?.querySelectorAll("button") ?? [])];
  const position = buttons.indexOf(button as HTMLButtonElement);
  (buttons[position + 1] ?? buttons[position - 1] ?? count)?.focus();
}

interface Shown {
  resent: ReadonlySet<string>;
  onSend: (mail: Mail, button: HTMLButtonElement) => void;
  onMore: ((after: string) => void) | null;
}

/** What follows the first page. The focus goes on from the button that asked for it to the first of its mails. */
function LaterMails({ after, ...shown }: Shown & { after: string }) {
  const [{ data, error }, execute] = useQuery({
    query: DeskParkedMails,
    variables: { after },
    requestPolicy: "network-only",
  });
  const list = useRef<HTMLDivElement>(null);
  const page = data?.desk?.parkedMails;
  const arrived = page !== undefined;
  useEffect(() => {
    if (arrived) list.current?.querySelector("button")?.focus();
  }, [arrived]);
  if (page)
    return (
      <div ref={list}>
        <Mails page={page} {...shown} />
      </div>
    );
  return (
    <Waiting
      error={error}
      nobody={data?.desk === null}
      onTryAgain={() => execute({ requestPolicy: "network-only" })}
    />
  );
}

function Mails({ page, resent, onSend, onMore }: Shown & { page: Page }) {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const kinds: Record<string, string> = words.settings.mailKinds;
  const { endCursor, hasNextPage } = page.pageInfo;
  return (
    <>
      <ul className="plain">
        {page.nodes
          .filter((mail) => !resent.has(mail.id))
          .map((mail) => (
            <li key={mail.id} className="card">
              <strong>{mail.recipient}</strong>
              {colon}
              {kinds[mail.template] ?? mail.template}
              {mail.request && (
                <>
                  , <Link href={`/demandes/${mail.request.id}`}>{mail.request.ticket}</Link>
                </>
              )}
              <p className="quiet">
                {readableInstant(mail.createdAt, language)}, {words.settings.attempts(mail.attempts)}
                {mail.lastError && colon}
                {mail.lastError}
              </p>
              <button
                type="button"
                className="button-quiet"
                aria-label={`${words.agents.resend}${colon}${mail.recipient}, ${kinds[mail.template] ?? mail.template}`}
                onClick={(event) => onSend(mail, event.currentTarget)}
              >
                {words.agents.resend}
              </button>
            </li>
          ))}
      </ul>
      {hasNextPage && endCursor !== null && onMore && (
        <button type="button" className="button-second" onClick={() => onMore(endCursor)}>
          {words.inbox.more}
        </button>
      )}
    </>
  );
}

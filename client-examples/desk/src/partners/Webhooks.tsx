import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { type DeskWebhooksQuery, ResumeWebhook } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
import { useState } from "react";
import { useWords } from "../wording.ts";
import { Facts } from "./Facts.tsx";

type Webhook = NonNullable<DeskWebhooksQuery["desk"]>["webhooks"][number];

/** Where partner systems are told of events: which take nothing, since when and why; and sending again. */
export function Webhooks({ webhooks, onResumed }: { webhooks: readonly Webhook[]; onResumed: () => void }) {
  const words = useWords().partners;
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const [list, focusList] = useFocusAfter<HTMLUListElement>();
  const [resume, busy] = useChange(ResumeWebhook, (data) => data.resumeWebhook);
  const [problem, setProblem] = useState<Problem | null>(null);
  const action = (webhook: Webhook) => (webhook.state === "PAUSED" ? words.resume : words.sendAgain);
  if (webhooks.length === 0) return <p>{words.noWebhooks}</p>;
  return (
    <>
      <ProblemNotice problem={problem} />
      <ul ref={list} tabIndex={-1} className="plain webhooks">
        {webhooks.map((webhook) => (
          <li key={webhook.id} className="card">
            <h3>{words.webhook(webhook.partnerToken.name, webhook.host)}</h3>
            <WebhookFacts webhook={webhook} />
            {(webhook.state === "PAUSED" || webhook.failingSince) && (
              <button
                type="button"
                className="button-second"
                aria-label={`${action(webhook)}${colon}${webhook.host}`}
                disabled={busy}
                onClick={async () => {
                  const { success, problem } = await resume({ webhook: webhook.id });
                  setProblem(problem);
                  if (success) {
                    announce(words.resumed(webhook.host));
                    focusList();
                    onResumed();
                  }
                }}
              >
                {action(webhook)}
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function WebhookFacts({ webhook }: { webhook: Webhook }) {
  const words = useWords().partners;
  const { language } = useLanguage();
  const at = (instant: string) => readableInstant(instant, language);
  const facts: [string, string][] = [[words.state, words.states[webhook.state]]];
  if (webhook.pausedAt) facts.push([words.pausedAt, at(webhook.pausedAt)]);
  if (webhook.failingSince) facts.push([words.failingSince, at(webhook.failingSince)]);
  if (webhook.lastError) facts.push([words.lastError, webhook.lastError]);
  facts.push(
    [words.waitingEvents, words.waiting(webhook.waitingEvents)],
    [words.lastDelivery, webhook.lastDeliveryAt ? at(webhook.lastDeliveryAt) : words.nothingTaken],
  );
  return <Facts facts={facts} />;
}

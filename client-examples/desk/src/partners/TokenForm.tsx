import { dayOf, endOfDay } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { Labelled, LabelledGroup } from "@espace-citoyens/kit/form/Labelled.tsx";
import { CreatePartnerToken, type PartnerScope } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { Choice } from "../Choice.tsx";
import { ProcedureChoices } from "../procedures/ProcedureChoices.tsx";
import { useWords } from "../wording.ts";

export interface MadeToken {
  name: string;
  token: string;
}

const DAY = 24 * 3600 * 1000;
const USUAL_DAYS = 180;
const MOST_DAYS = 365;

function inDays(days: number): string {
  return dayOf(new Date(Date.now() + days * DAY));
}

/** Lets a partner system call: what for, of which procedures, until when. `onMade` has the token, which nobody shows again. */
export function TokenForm({ onMade, onClose }: { onMade: (made: MadeToken) => void; onClose: () => void }) {
  const words = useWords();
  const [create, busy] = useChange(CreatePartnerToken, (data) => data.createPartnerToken);
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly PartnerScope[]>(["READ_CHANGES"]);
  const [procedures, setProcedures] = useState<readonly string[]>([]);
  const [expiry, setExpiry] = useState(() => inDays(USUAL_DAYS));
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await create({
      input: {
        name,
        scopes: [...scopes],
        procedures: [...procedures],
        expiresAt: endOfDay(expiry),
      },
    });
    setProblem(problem);
    if (success) onMade({ name: success.partnerToken.name, token: success.token });
  };
  const at = (path: string) => messagesAt(problem?.fields ?? [], path);
  return (
    <Dialog title={words.partners.add} onClose={onClose}>
      <form onSubmit={send} noValidate>
        <ProblemNotice
          problem={problem}
          labels={{
            name: words.partners.name,
            scopes: words.partners.scopes,
            procedures: words.partners.procedures,
            expiresAt: words.partners.expiry,
          }}
        />
        <Labelled
          path="name"
          label={words.partners.name}
          help={words.partners.nameHelp}
          messages={at("name")}
          required
        >
          {(described) => (
            <input
              {...described}
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Labelled>
        <LabelledGroup path="scopes" label={words.partners.scopes} messages={at("scopes")} required>
          {(Object.entries(words.partners.scopeNames) as [PartnerScope, string][]).map(([scope, label]) => (
            <Choice
              key={scope}
              value={scope}
              label={`${label} (${scope})`}
              chosen={scopes}
              onChange={(chosen) => setScopes(chosen as PartnerScope[])}
            />
          ))}
        </LabelledGroup>
        <ProcedureChoices
          label={words.partners.procedures}
          help={words.partners.proceduresHelp}
          messages={at("procedures")}
          chosen={procedures}
          onChange={setProcedures}
        />
        <Labelled
          path="expiresAt"
          label={words.partners.expiry}
          help={words.partners.expiryHelp}
          messages={at("expiresAt")}
          required
        >
          {(described) => (
            <input
              {...described}
              type="date"
              className="medium"
              min={inDays(0)}
              max={inDays(MOST_DAYS)}
              value={expiry}
              onChange={(event) => event.target.value && setExpiry(event.target.value)}
            />
          )}
        </Labelled>
        <Actions label={words.partners.create} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

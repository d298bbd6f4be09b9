import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  DeskPartnerTokens,
  type DeskPartnerTokensQuery,
  RevokePartnerToken,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
import { useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { Once } from "../Once.tsx";
import { useWords } from "../wording.ts";
import { Facts } from "./Facts.tsx";
import { type MadeToken, TokenForm } from "./TokenForm.tsx";

type Token = NonNullable<DeskPartnerTokensQuery["desk"]>["partnerTokens"][number];

/** What partner systems call with: made, shown once, and revoked. `onRevoked`: its webhooks went with it. */
export function Tokens({ onRevoked }: { onRevoked: () => void }) {
  const words = useWords().partners;
  const announce = useAnnounce();
  const [{ data, error }, execute] = useQuery({ query: DeskPartnerTokens, requestPolicy: "network-only" });
  const [add, focusAdd] = useFocusAfter<HTMLButtonElement>();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<MadeToken | null>(null);
  const [leaving, setLeaving] = useState<Token | null>(null);
  const tokens = data?.desk?.partnerTokens;
  if (!tokens)
    return (
      <Waiting
        error={error}
        nobody={data?.desk === null}
        onTryAgain={() => execute({ requestPolicy: "network-only" })}
      />
    );
  const reload = () => execute({ requestPolicy: "network-only" });
  return (
    <>
      {made ? (
        <Made
          made={made}
          onTaken={() => {
            setMade(null);
            focusAdd();
          }}
        />
      ) : (
        <button ref={add} type="button" className="button" onClick={() => setAdding(true)}>
          {words.add}
        </button>
      )}
      {tokens.length === 0 && <p>{words.noTokens}</p>}
      <ul className="plain">
        {tokens.map((token) => (
          <li key={token.id} className="card">
            <h3>{token.name}</h3>
            <TokenFacts token={token} />
            <button type="button" className="button-quiet" onClick={() => setLeaving(token)}>
              {words.revoke(token.name)}
            </button>
          </li>
        ))}
      </ul>
      {adding && (
        <TokenForm
          onClose={() => setAdding(false)}
          onMade={(token) => {
            setAdding(false);
            setMade(token);
            reload();
          }}
        />
      )}
      {leaving && (
        <Revocation
          token={leaving}
          onClose={() => setLeaving(null)}
          onRevoked={() => {
            setLeaving(null);
            announce(words.revoked(leaving.name));
            focusAdd();
            reload();
            onRevoked();
          }}
        />
      )}
    </>
  );
}

/** It stays until somebody says that they have it: nobody can show it again. */
function Made({ made, onTaken }: { made: MadeToken; onTaken: () => void }) {
  const words = useWords().partners;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className="card">
      <h3 ref={heading} tabIndex={-1}>
        {words.made(made.name)}
      </h3>
      <p>{words.madeText}</p>
      <Once path="token" label={words.token} text={made.token} />
      <div className="actions">
        <button type="button" className="button" onClick={onTaken}>
          {words.taken}
        </button>
      </div>
    </div>
  );
}

function TokenFacts({ token }: { token: Token }) {
  const words = useWords().partners;
  const { semicolon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const expired = new Date(token.expiresAt) <= new Date();
  const procedures = token.procedures.map((procedure) => procedure.title).join(", ");
  return (
    <Facts
      facts={[
        [words.scopes, token.scopes.map((scope) => words.scopeNames[scope]).join(semicolon)],
        [words.procedures, procedures || words.allProcedures],
        [expired ? words.expired : words.expires, readableInstant(token.expiresAt, language)],
        [words.lastUsed, token.lastUsedAt ? readableInstant(token.lastUsedAt, language) : words.neverUsed],
      ]}
    />
  );
}

function Revocation({
  token,
  onRevoked,
  onClose,
}: {
  token: Token;
  onRevoked: () => void;
  onClose: () => void;
}) {
  const words = useWords();
  const [revoke, busy] = useChange(RevokePartnerToken, (data) => data.revokePartnerToken);
  const [problem, setProblem] = useState<Problem | null>(null);
  return (
    <Dialog title={words.partners.revokeTitle(token.name)} onClose={onClose}>
      <p>{words.partners.revokeText}</p>
      <ProblemNotice problem={problem} />
      <div className="actions">
        <button
          type="button"
          className="button"
          disabled={busy}
          onClick={async () => {
            const { success, problem } = await revoke({ token: token.id });
            setProblem(problem);
            if (success) onRevoked();
          }}
        >
          {words.partners.revokeAction}
        </button>
        <button type="button" className="button-quiet" onClick={onClose}>
          {words.frame.cancel}
        </button>
      </div>
    </Dialog>
  );
}

import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { type MyIdentitiesQuery, UnlinkIdentity } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import { IdentityLogIns } from "../IdentityLogIns.tsx";
import { useWords } from "../wording.ts";

type Identity = NonNullable<MyIdentitiesQuery["me"]>["identities"][number];

/** What else than its password opens the account: identities to link, and to unlink. */
export function Identities({
  identities,
  onChange,
}: {
  identities: readonly Identity[];
  onChange: () => void;
}) {
  const words = useWords();
  const { language } = useLanguage();
  const [leaving, setLeaving] = useState<Identity | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [unlinked, setUnlinked] = useState(false);
  const [unlink, busy] = useChange(UnlinkIdentity, (data) => data.unlinkIdentity);
  return (
    <section>
      <h2>{words.identity.mine}</h2>
      <ProblemNotice problem={problem} />
      {unlinked && <Notice kind="success">{words.identity.unlinked}</Notice>}
      {identities.length > 0 ? (
        <ul className="plain">
          {identities.map((identity) => (
            <li key={identity.id}>
              <strong>{identity.provider}</strong>{" "}
              <span className="quiet">{words.space.since(readableInstant(identity.linkedAt, language))}</span>{" "}
              <button type="button" className="button-quiet" onClick={() => setLeaving(identity)}>
                {words.identity.unlink(identity.provider)}
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <IdentityLogIns
          text={words.identity.none}
          label={words.identity.linkMine}
          back="/mon-espace/compte"
        />
      )}
      {leaving && (
        <Dialog title={words.identity.unlinkTitle(leaving.provider)} onClose={() => setLeaving(null)}>
          <p>{words.identity.unlinkText}</p>
          <div className="actions">
            <button
              type="button"
              className="button"
              disabled={busy}
              onClick={async () => {
                const { success, problem } = await unlink({ identity: leaving.id });
                setLeaving(null);
                setProblem(problem);
                setUnlinked(success !== null);
                onChange();
              }}
            >
              {words.identity.unlink(leaving.provider)}
            </button>
            <button type="button" className="button-quiet" onClick={() => setLeaving(null)}>
              {words.frame.cancel}
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}

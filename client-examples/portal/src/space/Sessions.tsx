import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { MySessions, RevokeOtherSessions, RevokeSession } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { useWords } from "../wording.ts";

/** Mes connexions: where the account is logged in, so that a forgotten place can be logged out. */
export function Sessions() {
  const words = useWords();
  const { language } = useLanguage();
  const [{ data }, reload] = useQuery({ query: MySessions, requestPolicy: "network-only" });
  const [revoke] = useChange(RevokeSession, (answer) => answer.revokeSession);
  const [revokeOthers, busy] = useChange(RevokeOtherSessions, (answer) => answer.revokeOtherSessions);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [ended, setEnded] = useState(false);
  const sessions = data?.me?.sessions ?? [];
  const tell = ({ success, problem }: { success: unknown; problem: Problem | null }) => {
    setProblem(problem);
    setEnded(success !== null);
    reload({ requestPolicy: "network-only" });
  };
  return (
    <section>
      <h2>{words.space.sessions}</h2>
      <ProblemNotice problem={problem} />
      {ended && <Notice kind="success">{words.space.ended}</Notice>}
      {sessions.length > 0 && (
        <ul className="plain">
          {sessions.map((session) => {
            const since = readableInstant(session.createdAt, language);
            return (
              <li key={session.id}>
                {deviceOf(session.userAgent) ?? words.space.unknownDevice}{" "}
                <span className="quiet">
                  {words.space.since(since)},{" "}
                  {words.space.lastSeen(readableInstant(session.lastSeenAt, language))}
                </span>{" "}
                {session.current ? (
                  <strong>{words.space.thisOne}</strong>
                ) : (
                  <button
                    type="button"
                    className="button-quiet"
                    aria-label={words.space.endSince(since)}
                    onClick={async () => tell(await revoke({ session: session.id }))}
                  >
                    {words.space.end}
                  </button>
                )}
              </li>
            );
          })}
        </ul>
      )}
      {sessions.length > 1 && (
        <button
          type="button"
          className="button-second"
          disabled={busy}
          onClick={async () => tell(await revokeOthers({}))}
        >
          {words.space.endOthers}
        </button>
      )}
    </section>
  );
}

const BROWSERS: [RegExp, string][] = [
  [/Edg/, "Edge"],
  [/OPR/, "Opera"],
  [/Firefox/, "Firefox"],
  [/SamsungBrowser/, "Samsung Internet"],
  [/Chrom/, "Chrome"],
  [/Safari/, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Macintosh/, "macOS"],
  [/Linux/, "Linux"],
];

/** « Firefox, Windows »: what people recognise in what a browser says of itself; all of it where nothing is known. */
function deviceOf(userAgent: string | null): string | null {
  if (!userAgent) return null;
  const first = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(userAgent))?.[1];
  return [first(BROWSERS), first(SYSTEMS)].filter(Boolean).join(", ") || userAgent;
}

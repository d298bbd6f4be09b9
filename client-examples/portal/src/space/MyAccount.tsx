import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { answersOf, contactOf, useContactFields } from "@espace-citoyens/kit/form/contact.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import {
  MyAccount as Account,
  type MyAccountQuery,
  MySessions,
  RevokeSession,
  UpdateProfile,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";
import { PartnerLinks } from "./PartnerLinks.tsx";

/** Mon compte: what was filled in when it was opened, and where it is logged in. */
export function MyAccount() {
  const words = useWords();
  const [{ data }] = useQuery({ query: Account, requestPolicy: "network-only" });
  if (!data?.me) return <Busy />;
  return (
    <>
      <Profile account={data.me} />
      <p>
        <Link href="/mon-espace/identifiants">{words.space.changeCredentials}</Link>
      </p>
      <PartnerLinks />
      <Sessions />
    </>
  );
}

function Profile({ account }: { account: NonNullable<MyAccountQuery["me"]> }) {
  const words = useWords();
  const frame = useFrame();
  const fields = useContactFields();
  const [update, busy] = useChange(UpdateProfile, (data) => data.updateProfile);
  const [answers, setAnswers] = useState<Answers>(() => answersOf(account.profile));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [saved, setSaved] = useState(false);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setSaved(false);
    const { success, problem } = await update({ profile: contactOf(answers) });
    setProblem(problem);
    setSaved(success !== null);
    if (success) frame.reload();
  };
  return (
    <form onSubmit={save} noValidate>
      <h2>{words.space.profile}</h2>
      <p>
        {words.account.username} : <strong>{account.username}</strong>
      </p>
      {account.emailConfirmedAt === null && <Notice kind="warning">{words.space.unconfirmed}</Notice>}
      <ProblemNotice problem={problem} />
      {fields.map((field) => (
        <FieldInput
          key={field.key}
          field={field}
          value={answers[field.key]}
          onChange={(value) => setAnswers((before) => ({ ...before, [field.key]: value }))}
          problems={problem?.fields ?? []}
          files={() => null}
        />
      ))}
      {saved && <Notice kind="success">{words.frame.saved}</Notice>}
      <button type="submit" className="button" disabled={busy}>
        {words.frame.save}
      </button>
    </form>
  );
}

function Sessions() {
  const words = useWords();
  const { language } = useLanguage();
  const [{ data }, reload] = useQuery({ query: MySessions, requestPolicy: "network-only" });
  const [revoke] = useChange(RevokeSession, (answer) => answer.revokeSession);
  const [problem, setProblem] = useState<Problem | null>(null);
  return (
    <section>
      <h2>{words.space.sessions}</h2>
      <ProblemNotice problem={problem} />
      <ul className="plain">
        {data?.me?.sessions.map((session) => (
          <li key={session.id}>
            {session.userAgent ?? "—"}{" "}
            <span className="quiet">{words.space.since(readableInstant(session.createdAt, language))}</span>{" "}
            {session.current ? (
              <strong>{words.space.thisOne}</strong>
            ) : (
              <button
                type="button"
                className="button-quiet"
                onClick={async () => {
                  const { problem } = await revoke({ session: session.id });
                  setProblem(problem);
                  reload({ requestPolicy: "network-only" });
                }}
              >
                {words.space.end}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { answersOf, contactOf } from "@espace-citoyens/kit/form/contact.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import {
  MyAccount as Account,
  type MyAccountQuery,
  MyIdentities,
  UpdateProfile,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { useFrame } from "../frame.tsx";
import { inPage, ProfileFields, useProfileLabels } from "../ProfileFields.tsx";
import { useWords } from "../wording.ts";
import { CloseAccount } from "./CloseAccount.tsx";
import { Identities } from "./Identities.tsx";
import { MyData } from "./MyData.tsx";
import { PartnerLinks } from "./PartnerLinks.tsx";
import { Sessions } from "./Sessions.tsx";
import { Unconfirmed } from "./Unconfirmed.tsx";

/** Mon compte: what was filled in when it was opened, what opens it, where it is logged in, and how to leave. */
export function MyAccount() {
  const words = useWords();
  const { municipality } = useFrame();
  const [{ data, error }, execute] = useQuery({ query: Account, requestPolicy: "network-only" });
  const [{ data: opened }, readOpened] = useQuery({
    query: MyIdentities,
    requestPolicy: "network-only",
    pause: municipality.identityProviders.length === 0,
  });
  if (!data?.me)
    return (
      <Waiting
        error={error}
        nobody={data?.me === null}
        onTryAgain={() => execute({ requestPolicy: "network-only" })}
      />
    );
  const hasPassword = opened?.me?.hasPassword ?? true;
  return (
    <>
      <Profile account={data.me} />
      <p>
        {hasPassword ? (
          <Link href="/mon-espace/identifiants">{words.space.changeCredentials}</Link>
        ) : (
          <>
            {words.space.noPassword} <Link href="/mot-de-passe-oublie">{words.home.forgotten}</Link>
          </>
        )}
      </p>
      {opened?.me && (
        <Identities
          identities={opened.me.identities}
          onChange={() => readOpened({ requestPolicy: "network-only" })}
        />
      )}
      <PartnerLinks />
      <Sessions />
      <MyData />
      <CloseAccount hasPassword={hasPassword} />
    </>
  );
}

function Profile({ account }: { account: NonNullable<MyAccountQuery["me"]> }) {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const frame = useFrame();
  const labels = useProfileLabels();
  const [update, busy] = useChange(UpdateProfile, (data) => data.updateProfile);
  const [answers, setAnswers] = useState<Answers>(() => answersOf(account.profile));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [saved, setSaved] = useState(false);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setSaved(false);
    const { success, problem } = await update({ profile: contactOf(answers) });
    setProblem(inPage(problem));
    setSaved(success !== null);
    if (success) frame.reload();
  };
  return (
    <form onSubmit={save} noValidate>
      <h2>{words.space.profile}</h2>
      <p>
        {words.account.username}
        {colon}
        <strong>{account.username}</strong>
      </p>
      {account.emailConfirmedAt === null && <Unconfirmed email={account.profile.email ?? ""} />}
      <ProblemNotice problem={problem} labels={labels} />
      <ProfileFields answers={answers} onChange={setAnswers} problem={problem} />
      {saved && <Notice kind="success">{words.frame.saved}</Notice>}
      <button type="submit" className="button" disabled={busy}>
        {words.frame.save}
      </button>
    </form>
  );
}

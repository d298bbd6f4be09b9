import { readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { answersOf, contactOf } from "@espace-citoyens/kit/form/contact.ts";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import { UsernameField } from "@espace-citoyens/kit/form/UsernameField.tsx";
import { usePasswordAdvice } from "@espace-citoyens/kit/form/usePasswordAdvice.ts";
import { WORDING } from "@espace-citoyens/kit/form/wording.ts";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  CreateAccountWithIdentity,
  LinkIdentity,
  PendingIdentity,
  type PendingIdentityQuery,
} from "@espace-citoyens/kit/operations.ts";
import { callProblem, type Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { useFrame } from "../frame.tsx";
import { IdentityLogIns } from "../IdentityLogIns.tsx";
import { NewUsername } from "../NewUsername.tsx";
import { inPage, ProfileFields, useProfileLabels } from "../ProfileFields.tsx";
import { SitePage } from "../SitePage.tsx";
import { takeWayBack } from "../wayBack.ts";
import { useWords } from "../wording.ts";

type Pending = NonNullable<PendingIdentityQuery["pendingIdentity"]>;

/** Where a provider sends whoever has no account here yet: their identity opens a new one, or one that there is. */
export default function Identity() {
  const words = useWords();
  const { language } = useLanguage();
  const { me } = useFrame();
  const [{ data, error }] = useQuery({ query: PendingIdentity, requestPolicy: "network-only" });
  if (!data)
    return (
      <SitePage title={words.identity.title}>
        {error ? <ProblemNotice problem={callProblem(error, language)} /> : <Busy />}
      </SitePage>
    );
  const pending = data.pendingIdentity;
  if (pending === null)
    return (
      <SitePage title={words.identity.title}>
        <Notice kind="warning">{words.identity.expired}</Notice>
        <IdentityLogIns label={words.identity.logIn} back="/mon-espace" />
        <p>
          <Link href="/">{words.frame.back}</Link>
        </p>
      </SitePage>
    );
  return (
    <SitePage title={words.identity.title}>
      <Notice kind="success">
        <p>{words.identity.identified(pending.provider)}</p>
        <p>{words.identity.until(readableTime(pending.expiresAt, language))}</p>
      </Notice>
      <div className="cards">
        <LinkToAccount pending={pending} username={me?.username ?? ""} />
        {me === null && <NewAccount pending={pending} />}
      </div>
    </SitePage>
  );
}

/** Leads on to where they were going, logged in. */
function useArrival(): () => void {
  const { reopen } = useDoor();
  const [, navigate] = useLocation();
  return () => {
    navigate(takeWayBack() ?? "/mon-espace");
    reopen();
  };
}

function LinkToAccount({ pending, username }: { pending: Pending; username: string }) {
  const words = useWords();
  const arrive = useArrival();
  const [link, busy] = useChange(LinkIdentity, (data) => data.linkIdentity);
  const [typed, setTyped] = useState({ username, password: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await link(typed);
    setProblem(problem);
    if (success) arrive();
  };
  return (
    <section className="card">
      <h2>{words.identity.haveAccount}</h2>
      <p>{words.identity.haveAccountText(pending.provider)}</p>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} />
        <UsernameField
          path="linkUsername"
          label={words.home.username}
          required
          value={typed.username}
          onChange={(username) => setTyped({ ...typed, username })}
        />
        <PasswordField
          path="linkPassword"
          label={words.home.password}
          required
          value={typed.password}
          onChange={(password) => setTyped({ ...typed, password })}
        />
        <button type="submit" className="button" disabled={busy}>
          {words.identity.link}
        </button>
      </form>
    </section>
  );
}

function NewAccount({ pending }: { pending: Pending }) {
  const words = useWords();
  const formWords = useWording(WORDING);
  const labels = {
    ...useProfileLabels(),
    username: words.account.username,
    password: words.account.password,
  };
  const arrive = useArrival();
  const [create, busy] = useChange(CreateAccountWithIdentity, (data) => data.createAccountWithIdentity);
  const [answers, setAnswers] = useState(() => answersOf(contactFrom(pending)));
  const [credentials, setCredentials] = useState({ username: "", password: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const [suggestions, setSuggestions] = useState<readonly string[]>([]);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem, refusal } = await create({
      profile: contactOf(answers),
      username: credentials.username.trim() || null,
      password: credentials.password || null,
    });
    setProblem(inPage(problem));
    setSuggestions(refusal?.__typename === "UsernameTakenError" ? refusal.suggestions : []);
    if (success) arrive();
  };
  return (
    <section className="card">
      <h2>{words.identity.newAccount}</h2>
      <p>{words.identity.newAccountText(pending.provider)}</p>
      <p>{formWords.requiredLegend}</p>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} labels={labels} />
        <ProfileFields answers={answers} onChange={setAnswers} problem={problem} />
        <h3>{words.identity.credentials}</h3>
        <p className="quiet">{words.identity.credentialsText(pending.provider)}</p>
        <NewUsername
          value={credentials.username}
          onChange={(username) => setCredentials({ ...credentials, username })}
          problem={problem}
          suggestions={suggestions}
        />
        <PasswordField
          path="password"
          label={words.account.password}
          help={usePasswordAdvice()}
          messages={messagesAt(problem?.fields ?? [], "password")}
          autoComplete="new-password"
          value={credentials.password}
          onChange={(password) => setCredentials({ ...credentials, password })}
        />
        <button type="submit" className="button" disabled={busy}>
          {words.account.create}
        </button>
      </form>
    </section>
  );
}

/** What the provider says of them, as the form of an account has it. */
function contactFrom({ firstName, lastName, birthDate, email }: Pending): Parameters<typeof answersOf>[0] {
  return {
    civility: null,
    firstName: firstName ?? "",
    lastName: lastName ?? "",
    birthDate,
    email,
    mobilePhone: null,
    landlinePhone: null,
    address: null,
    preferredContactMethod: "EMAIL",
  };
}

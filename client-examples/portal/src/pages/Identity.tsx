import { readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { answersOf, contactOf, useContactFields } from "@espace-citoyens/kit/form/contact.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
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
import { SitePage } from "../SitePage.tsx";
import { UsernameField } from "../UsernameField.tsx";
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
        <Labelled path="linkUsername" label={words.home.username} required>
          {(described) => (
            <input
              {...described}
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              value={typed.username}
              onChange={(event) => setTyped({ ...typed, username: event.target.value })}
            />
          )}
        </Labelled>
        <Labelled path="linkPassword" label={words.home.password} required>
          {(described) => (
            <input
              {...described}
              type="password"
              autoComplete="current-password"
              value={typed.password}
              onChange={(event) => setTyped({ ...typed, password: event.target.value })}
            />
          )}
        </Labelled>
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
  const fields = useContactFields();
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
    setProblem(problem);
    setSuggestions(refusal?.__typename === "UsernameTakenError" ? refusal.suggestions : []);
    if (success) arrive();
  };
  const problems = (problem?.fields ?? []).map((each) => ({
    ...each,
    path: each.path.replace(/^profile\./, ""),
  }));
  const at = (path: string) => problems.filter((each) => each.path === path).map((each) => each.message);
  return (
    <section className="card">
      <h2>{words.identity.newAccount}</h2>
      <p>{words.identity.newAccountText(pending.provider)}</p>
      <p>{formWords.requiredLegend}</p>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} />
        {fields.map((field) => (
          <FieldInput
            key={field.key}
            field={field}
            value={answers[field.key]}
            onChange={(value) => setAnswers((before) => ({ ...before, [field.key]: value }))}
            problems={problems}
            files={() => null}
          />
        ))}
        <h3>{words.identity.credentials}</h3>
        <p className="quiet">{words.identity.credentialsText(pending.provider)}</p>
        <UsernameField
          value={credentials.username}
          onChange={(username) => setCredentials({ ...credentials, username })}
          problem={problem}
          suggestions={suggestions}
        />
        <Labelled
          path="password"
          label={words.account.password}
          help={words.account.passwordHelp}
          messages={at("password")}
        >
          {(described) => (
            <input
              {...described}
              type="password"
              autoComplete="new-password"
              value={credentials.password}
              onChange={(event) => setCredentials({ ...credentials, password: event.target.value })}
            />
          )}
        </Labelled>
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

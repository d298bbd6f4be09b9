import { useChange } from "@espace-citoyens/kit/door.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { contactOf } from "@espace-citoyens/kit/form/contact.ts";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import { usePasswordAdvice } from "@espace-citoyens/kit/form/usePasswordAdvice.ts";
import { WORDING } from "@espace-citoyens/kit/form/wording.ts";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { CreateAccount as Create, type CreateAccountMutation } from "@espace-citoyens/kit/operations.ts";
import type { FieldProblem, Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { type CaptchaAnswer, CaptchaField } from "../CaptchaField.tsx";
import { useFrame } from "../frame.tsx";
import { IdentityLogIns } from "../IdentityLogIns.tsx";
import { NewUsername } from "../NewUsername.tsx";
import { inPage, ProfileFields, useProfileLabels } from "../ProfileFields.tsx";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

type Created = Extract<CreateAccountMutation["createAccount"], { __typename: "CreateAccountSuccess" }>;
interface PartnerCredentials {
  code: string;
  password: string;
}

const PARTNER_PARTS = ["code", "password"] as const;
const NO_CODE: CaptchaAnswer = { captcha: "", answer: "" };

export default function CreateAccount() {
  const words = useWords();
  const formWords = useWording(WORDING);
  const { municipality } = useFrame();
  const { colon } = useWording(PUNCTUATION);
  const advice = usePasswordAdvice();
  const [create, busy] = useChange(Create, (data) => data.createAccount);
  const [created, setCreated] = useState<Created | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [suggestions, setSuggestions] = useState<readonly string[]>([]);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [answers, setAnswers] = useState<Answers>({ preferredContactMethod: { choices: ["EMAIL"] } });
  const [captcha, setCaptcha] = useState<CaptchaAnswer | null>(null);
  const [round, setRound] = useState(0);
  const [partners, setPartners] = useState<Record<string, PartnerCredentials>>({});

  const send = async (event: FormEvent) => {
    event.preventDefault();
    const own: FieldProblem[] = [];
    if (password !== again) own.push({ path: "again", message: words.account.different });
    if (captcha === null) own.push({ path: "captcha", message: words.captcha.missing });
    const [partner] = Object.entries(partners).filter(([, { code, password }]) => code.trim() || password);
    const { success, refusal, ...answer } = await create({
      input: {
        username: username.trim(),
        password,
        profile: contactOf(answers),
        // Without a code the server checks all the rest, and opens nothing.
        captcha: own.length > 0 || captcha === null ? NO_CODE : captcha,
        partner: partner ? { system: partner[0], ...partner[1] } : null,
      },
    });
    const problem = inPage(answer.problem, partner?.[0]);
    if (own.length > 0 && problem) {
      setProblem(
        problem.code === "VALIDATION"
          ? { ...problem, fields: [...problem.fields, ...own] }
          : { code: "VALIDATION", message: words.account.toCorrect, fields: own },
      );
      return;
    }
    setSuggestions(refusal?.__typename === "UsernameTakenError" ? refusal.suggestions : []);
    // A code is good for three answers, as long as it was right: only a wrong one needs another.
    if (problem?.code === "CAPTCHA_REJECTED") setRound((before) => before + 1);
    setProblem(problem);
    setCreated(success);
  };

  const labels: Record<string, string> = {
    ...useProfileLabels(),
    username: words.account.username,
    password: words.account.password,
    again: words.account.passwordAgain,
    captcha: words.captcha.title,
  };
  for (const { slug, name, credentialLabels } of municipality.partners)
    for (const part of PARTNER_PARTS)
      labels[partnerPath(slug, part)] = `${name}${colon}${credentialLabels[part]}`;
  if (created) return <Done created={created} />;
  const at = (path: string) => messagesAt(problem?.fields ?? [], path);
  return (
    <SitePage title={words.account.createTitle}>
      <IdentityLogIns text={words.identity.faster} label={words.identity.create} back="/mon-espace" />
      <p>{formWords.requiredLegend}</p>
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} labels={labels} />
        <section>
          <h2>{words.account.credentials}</h2>
          <NewUsername
            value={username}
            onChange={setUsername}
            problem={problem}
            suggestions={suggestions}
            required
          />
          <PasswordField
            path="password"
            label={words.account.password}
            help={advice}
            messages={at("password")}
            required
            autoComplete="new-password"
            value={password}
            onChange={setPassword}
          />
          <PasswordField
            path="again"
            label={words.account.passwordAgain}
            messages={at("again")}
            required
            autoComplete="new-password"
            value={again}
            onChange={setAgain}
          />
        </section>
        <section>
          <h2>{words.account.information}</h2>
          <p className="quiet">{words.account.informationText}</p>
          <ProfileFields answers={answers} onChange={setAnswers} problem={problem} />
        </section>
        {municipality.partners.map((partner) => (
          <section key={partner.slug}>
            <h2>{words.account.partner(partner.name)}</h2>
            <p className="quiet">{words.account.partnerText(partner.name)}</p>
            {PARTNER_PARTS.map((part) => (
              <Labelled
                key={part}
                path={partnerPath(partner.slug, part)}
                label={partner.credentialLabels[part]}
                messages={at(partnerPath(partner.slug, part))}
              >
                {(described) => (
                  <input
                    {...described}
                    type={part === "password" ? "password" : "text"}
                    autoComplete="off"
                    value={partners[partner.slug]?.[part] ?? ""}
                    onChange={(event) =>
                      setPartners((before) => ({
                        ...before,
                        [partner.slug]: {
                          code: "",
                          password: "",
                          ...before[partner.slug],
                          [part]: event.target.value,
                        },
                      }))
                    }
                  />
                )}
              </Labelled>
            ))}
          </section>
        ))}
        <section>
          <h2>{words.account.security}</h2>
          <CaptchaField purpose="CREATE_ACCOUNT" round={round} onChange={setCaptcha} problem={problem} />
        </section>
        <button type="submit" className="button" disabled={busy}>
          {words.account.create}
        </button>
      </form>
    </SitePage>
  );
}

function partnerPath(slug: string, part: (typeof PARTNER_PARTS)[number]): string {
  return `partner.${slug}.${part}`;
}

function Done({ created }: { created: Created }) {
  const words = useWords();
  return (
    <SitePage title={words.account.done}>
      <Notice kind="success">
        <p>{words.account.doneText(created.account.profile.email ?? "")}</p>
      </Notice>
      {created.partnerProblem && (
        <Notice kind="warning">
          <p>
            {words.account.partnerProblem} {created.partnerProblem.message}
          </p>
        </Notice>
      )}
      <Link href="/connexion" className="button">
        {words.account.logInNow}
      </Link>
    </SitePage>
  );
}

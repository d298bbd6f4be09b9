import { useChange } from "@espace-citoyens/kit/door.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { UsernameField } from "@espace-citoyens/kit/form/UsernameField.tsx";
import { RequestNewPassword } from "@espace-citoyens/kit/operations.ts";
import type { FieldProblem, Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { type CaptchaAnswer, CaptchaField } from "../CaptchaField.tsx";
import { SitePage } from "../SitePage.tsx";
import { useWords } from "../wording.ts";

/** Mot de passe oublié: the answer is the same whether or not there is such an account. */
export default function ForgottenPassword() {
  const words = useWords();
  const [ask, busy] = useChange(RequestNewPassword, (data) => data.requestNewPassword);
  const [typed, setTyped] = useState("");
  const [captcha, setCaptcha] = useState<CaptchaAnswer | null>(null);
  const [round, setRound] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [answer, setAnswer] = useState<string | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const missing: FieldProblem[] = [];
    if (typed.trim() === "")
      missing.push({ path: "usernameOrEmail", message: words.account.usernameOrEmailMissing });
    if (captcha === null) missing.push({ path: "captcha", message: words.captcha.missing });
    if (captcha === null || missing.length > 0) {
      setProblem({ code: "VALIDATION", message: words.account.toCorrect, fields: missing });
      return;
    }
    const { success, problem } = await ask({ usernameOrEmail: typed, captcha });
    setProblem(problem);
    if (problem?.code === "CAPTCHA_REJECTED") setRound((before) => before + 1);
    if (success) setAnswer(success.message);
  };
  return (
    <SitePage title={words.account.forgottenTitle}>
      {answer ? (
        <>
          <Notice kind="success">{answer}</Notice>
          <Link href="/connexion" className="button">
            {words.home.logIn}
          </Link>
        </>
      ) : (
        <form onSubmit={send} noValidate>
          <p>{words.account.forgottenText}</p>
          <ProblemNotice
            problem={problem}
            labels={{ usernameOrEmail: words.account.usernameOrEmail, captcha: words.captcha.title }}
          />
          <UsernameField
            path="usernameOrEmail"
            label={words.account.usernameOrEmail}
            messages={messagesAt(problem?.fields ?? [], "usernameOrEmail")}
            required
            value={typed}
            onChange={setTyped}
          />
          <CaptchaField purpose="REQUEST_PASSWORD" round={round} onChange={setCaptcha} problem={problem} />
          <button type="submit" className="button" disabled={busy}>
            {words.account.send}
          </button>
        </form>
      )}
    </SitePage>
  );
}

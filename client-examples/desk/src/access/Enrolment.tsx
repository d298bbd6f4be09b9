import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import "../settings.css";
import { readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { ConfirmSecondFactor, EnrolSecondFactor } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Once } from "../Once.tsx";
import { useWords } from "../wording.ts";
import { RecoveryCodes } from "./RecoveryCodes.tsx";

interface Offer {
  otpauthUri: string;
  secret: string;
  qrCode: string;
  expiresAt: string;
}

/** Password, then picture and first code, then the recovery codes. `onDone` once these are kept. */
export function Enrolment({ onDone, onCancel }: { onDone: () => void; onCancel: () => void }) {
  const [offer, setOffer] = useState<Offer | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  if (codes) return <RecoveryCodes codes={codes} onKept={onDone} />;
  if (offer) return <FirstCode offer={offer} onConfirmed={setCodes} onAgain={() => setOffer(null)} />;
  return <Password onOffered={setOffer} onCancel={onCancel} />;
}

function Password({ onOffered, onCancel }: { onOffered: (offer: Offer) => void; onCancel: () => void }) {
  const words = useWords();
  const [enrol, busy] = useChange(EnrolSecondFactor, (data) => data.enrolSecondFactor);
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await enrol({ password });
    setProblem(problem);
    if (success) onOffered(success);
  };
  return (
    <form className="card" onSubmit={send} noValidate>
      <p>{words.access.enrolText}</p>
      <ProblemNotice problem={problem} />
      <PasswordField
        path="password"
        label={words.access.password}
        ref={input}
        value={password}
        onChange={setPassword}
      />
      <Actions label={words.access.goOn} busy={busy} cancel={words.frame.cancel} onCancel={onCancel} />
    </form>
  );
}

function FirstCode({
  offer,
  onConfirmed,
  onAgain,
}: {
  offer: Offer;
  onConfirmed: (codes: readonly string[]) => void;
  onAgain: () => void;
}) {
  const words = useWords().access;
  const { language } = useLanguage();
  const [confirm, busy] = useChange(ConfirmSecondFactor, (data) => data.confirmSecondFactor);
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await confirm({ code: code.trim() });
    setProblem(problem);
    if (success) onConfirmed(success.recoveryCodes);
  };
  return (
    <form className="card" onSubmit={send} noValidate>
      <h3 ref={heading} tabIndex={-1}>
        {words.scan}
      </h3>
      <p>{words.scanText(readableTime(offer.expiresAt, language))}</p>
      <img className="qr-code" src={offer.qrCode} alt={words.qrCode} />
      <p>
        <a href={offer.otpauthUri}>{words.openProgram}</a>
      </p>
      <Once path="secret" label={words.secret} text={offer.secret} />
      <ProblemNotice problem={problem} labels={{ code: words.code }} />
      <Labelled path="code" label={words.code} messages={messagesAt(problem?.fields ?? [], "code")} required>
        {(described) => (
          <input
            {...described}
            autoComplete="one-time-code"
            inputMode="numeric"
            className="short"
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
        )}
      </Labelled>
      <Actions label={words.confirm} busy={busy} cancel={words.again} onCancel={onAgain} />
    </form>
  );
}

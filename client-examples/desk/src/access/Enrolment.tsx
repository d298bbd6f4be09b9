import "./access.css";
import { readableTime } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { ConfirmSecondFactor, EnrolSecondFactor } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useWords } from "../wording.ts";
import { Once } from "./copying.tsx";
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
      <Labelled path="password" label={words.access.password}>
        {(described) => (
          <input
            {...described}
            ref={input}
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Labelled>
      <div className="actions">
        <button type="submit" className="button" disabled={busy}>
          {words.access.goOn}
        </button>
        <button type="button" className="button-quiet" onClick={onCancel}>
          {words.frame.cancel}
        </button>
      </div>
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
      <div className="actions">
        <button type="submit" className="button" disabled={busy}>
          {words.confirm}
        </button>
        <button type="button" className="button-quiet" onClick={onAgain}>
          {words.again}
        </button>
      </div>
    </form>
  );
}

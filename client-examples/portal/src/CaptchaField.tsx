import { useDoor } from "@espace-citoyens/kit/door.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { messagesAt } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import {
  CaptchaAudio,
  type CaptchaPurpose,
  CreateCaptcha,
  type CreateCaptchaMutation,
  RequestCaptchaAudio,
} from "@espace-citoyens/kit/operations.ts";
import { callProblem, type Problem } from "@espace-citoyens/kit/outcome.ts";
import { useEffect, useMemo, useRef, useState } from "react";
import { useClient } from "urql";
import { useWords } from "./wording.ts";

type Captcha = CreateCaptchaMutation["createCaptcha"];
export interface CaptchaAnswer {
  captcha: string;
  answer: string;
}

interface Properties {
  purpose: CaptchaPurpose;
  /** Grows when the answer that was sent is used up: then there is another code. */
  round: number;
  onChange: (answer: CaptchaAnswer | null) => void;
  /** What was wrong with the form: what of it concerns the code is said at its field. */
  problem: Problem | null;
}

const LEAST_MILLISECONDS = 60_000;
const MISSING = "CAPTCHA_MISSING";

/** What keeps a form without its code from being sent. */
export function missingCode(words: ReturnType<typeof useWords>): Problem {
  return { code: MISSING, message: words.captcha.missing, fields: [] };
}

/**
 * A security code to read, or to hear.
 *
 * What is typed belongs to the code that is shown. Until another one has come, nothing can be typed: it would be an answer to
 * a code that nobody has seen.
 */
export function CaptchaField({ purpose, round, onChange, problem }: Properties) {
  const words = useWords();
  const client = useClient();
  const { language } = useLanguage();
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each round, and each time another is asked for, has a code of its own
  const wanted = useMemo(() => Symbol(purpose), [client, purpose, round, asked]);
  const [got, setGot] = useState<{ wanted: symbol; captcha: Captcha; typed: string } | null>(null);
  const [failed, setFailed] = useState<{ wanted: symbol; message: string } | null>(null);
  const tell = useRef(onChange);
  tell.current = onChange;
  useEffect(() => {
    let left = false;
    tell.current(null);
    client
      .mutation(CreateCaptcha, { purpose })
      .toPromise()
      .then(({ data, error }) => {
        if (left) return;
        if (data) setGot({ wanted, captcha: data.createCaptcha, typed: "" });
        else if (error) setFailed({ wanted, message: callProblem(error, language).message });
      });
    return () => {
      left = true;
    };
  }, [client, language, purpose, wanted]);
  const failure = failed?.wanted === wanted ? failed.message : null;
  const coming = got?.wanted !== wanted && failure === null;
  const shown = failure === null ? got : null;
  const messages = messagesAt(problem?.fields ?? [], "captcha");
  if (problem?.code === "CAPTCHA_REJECTED" || problem?.code === MISSING) messages.push(problem.message);
  return (
    <div className="captcha" aria-busy={coming}>
      {failure && (
        <p className="alarming" role="alert">
          {failure}
        </p>
      )}
      {shown && (
        <>
          <div className="captcha-picture">
            <img src={shown.captcha.image} alt={shown.captcha.prompt} />
            <Listen key={shown.captcha.id} captcha={shown.captcha} />
          </div>
          <Labelled
            path="captcha"
            label={words.captcha.title}
            help={words.captcha.help}
            messages={messages}
            required
          >
            {(described) => (
              <input
                {...described}
                className="medium"
                autoComplete="off"
                autoCapitalize="characters"
                spellCheck={false}
                readOnly={coming}
                value={coming ? "" : shown.typed}
                onFocus={() => {
                  // Whoever comes to it at the end of a long form finds one that can still be answered.
                  const left = Date.parse(shown.captcha.expiresAt) - Date.now();
                  if (shown.typed === "" && left < LEAST_MILLISECONDS) setAsked(asked + 1);
                }}
                onChange={(event) => {
                  const typed = event.target.value;
                  setGot({ ...shown, typed });
                  onChange(typed.trim() ? { captcha: shown.captcha.id, answer: typed } : null);
                }}
              />
            )}
          </Labelled>
        </>
      )}
      <p className="quiet" role="status">
        {coming ? words.captcha.coming : ""}
      </p>
      <button type="button" className="button-quiet" onClick={() => setAsked(asked + 1)}>
        <Icon name="refresh" />
        {words.captcha.another}
      </button>
    </div>
  );
}

/** The loudspeaker: plays the spoken code at once where there is one, and as soon as it is recorded where not. */
function Listen({ captcha }: { captcha: Captcha }) {
  const words = useWords();
  const client = useClient();
  const { live } = useDoor();
  const [url, setUrl] = useState<string | null>(captcha.audio.url ?? null);
  const [state, setState] = useState<"idle" | "waiting" | "failed">("idle");
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    if (url && state === "waiting") {
      setState("idle");
      audio.current?.play().catch((error: unknown) => console.warn("Playing was refused", error));
    }
  }, [url, state]);
  const listen = async () => {
    if (url) {
      await audio.current?.play();
      return;
    }
    setState("waiting");
    const { data, error } = await client.mutation(RequestCaptchaAudio, { captcha: captcha.id }).toPromise();
    const answer = data?.requestCaptchaAudio;
    if (error || answer?.__typename !== "RequestCaptchaAudioSuccess") {
      setState("failed");
      return;
    }
    if (answer.captcha.audio.url) {
      setUrl(answer.captcha.audio.url);
      return;
    }
    const stop = live.follow(CaptchaAudio, { captcha: captcha.id }, ({ captchaAudio }) => {
      if (captchaAudio.url) setUrl(captchaAudio.url);
      if (captchaAudio.state === "FAILED") setState("failed");
      if (captchaAudio.url || captchaAudio.state === "FAILED") stop();
    });
  };
  return (
    <>
      <button type="button" className="button-second" onClick={listen} disabled={state === "waiting"}>
        <Icon name="speaker" />
        {words.captcha.listen}
      </button>
      <p className="quiet" role="status">
        {state === "waiting" ? words.captcha.preparing : state === "failed" ? words.captcha.failed : ""}
      </p>
      <audio ref={audio} src={url ?? undefined} hidden />
    </>
  );
}

import { useDoor } from "@espace-citoyens/kit/door.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import {
  CaptchaAudio,
  type CaptchaPurpose,
  CreateCaptcha,
  type CreateCaptchaMutation,
  RequestCaptchaAudio,
} from "@espace-citoyens/kit/operations.ts";
import { useCallback, useEffect, useRef, useState } from "react";
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
  messages?: readonly string[];
}

/** A security code to read, or to hear. */
export function CaptchaField({ purpose, round, onChange, messages = [] }: Properties) {
  const words = useWords();
  const client = useClient();
  const [captcha, setCaptcha] = useState<Captcha | null>(null);
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const tell = useRef(onChange);
  tell.current = onChange;
  const another = useCallback(async () => {
    const { data, error } = await client.mutation(CreateCaptcha, { purpose }).toPromise();
    setCaptcha(data?.createCaptcha ?? null);
    setProblem(error?.graphQLErrors[0]?.message ?? (error ? words.frame.tryAgain : null));
    setTyped("");
    tell.current(null);
  }, [client, purpose, words]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each round has a code of its own
  useEffect(() => {
    another();
  }, [another, round]);
  return (
    <div className="captcha">
      {problem && <p className="alarming">{problem}</p>}
      {captcha && (
        <>
          <div className="captcha-picture">
            <img src={captcha.image} alt={captcha.prompt} />
            <Listen key={captcha.id} captcha={captcha} />
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
                value={typed}
                onChange={(event) => {
                  const answer = event.target.value;
                  setTyped(answer);
                  onChange(answer.trim() ? { captcha: captcha.id, answer } : null);
                }}
              />
            )}
          </Labelled>
        </>
      )}
      <button type="button" className="button-quiet" onClick={another}>
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
      <button type="button" className="button-icon" onClick={listen} disabled={state === "waiting"}>
        <Icon name="speaker" label={words.captcha.listen} />
      </button>
      <p className="quiet" role="status">
        {state === "waiting" ? words.captcha.preparing : state === "failed" ? words.captcha.failed : ""}
      </p>
      <audio ref={audio} src={url ?? undefined} hidden />
    </>
  );
}

import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { DisableSecondFactor, MySecondFactor, RenewRecoveryCodes } from "@espace-citoyens/kit/operations.ts";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { useWords } from "../wording.ts";
import { Enrolment } from "./Enrolment.tsx";
import { Proof } from "./Proof.tsx";
import { RecoveryCodes } from "./RecoveryCodes.tsx";

type Doing = "nothing" | "enrolling" | "renewing" | "disabling";

/** The second factor of the agent who is logged in: enrolled, renewed, taken away. */
export function OwnFactor({ onChanged }: { onChanged: () => void }) {
  const announce = useAnnounce();
  const [place, focusPlace] = useFocusAfter<HTMLDivElement>();
  return (
    <div ref={place} tabIndex={-1} className="own-factor">
      <Factor
        onChanged={(message) => {
          announce(message);
          focusPlace();
          onChanged();
        }}
      />
    </div>
  );
}

function Factor({ onChanged }: { onChanged: (message: string) => void }) {
  const words = useWords().access;
  const [{ data, error }, execute] = useQuery({ query: MySecondFactor, requestPolicy: "network-only" });
  const [renew] = useChange(RenewRecoveryCodes, (answer) => answer.renewRecoveryCodes);
  const [disable] = useChange(DisableSecondFactor, (answer) => answer.disableSecondFactor);
  const [doing, setDoing] = useState<Doing>("nothing");
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const finish = (message: string) => {
    setDoing("nothing");
    setCodes(null);
    execute({ requestPolicy: "network-only" });
    onChanged(message);
  };
  const factor = data?.desk?.secondFactor;
  if (doing === "enrolling")
    return <Enrolment onDone={() => finish(words.enabled)} onCancel={() => setDoing("nothing")} />;
  if (codes) return <RecoveryCodes codes={codes} onKept={() => finish(words.renewed)} />;
  if (!factor)
    return (
      <Waiting
        error={error}
        nobody={data?.desk === null}
        onTryAgain={() => execute({ requestPolicy: "network-only" })}
      />
    );
  if (!factor.enabled)
    return (
      <>
        <p>{words.without}</p>
        <button type="button" className="button" onClick={() => setDoing("enrolling")}>
          {words.enrol}
        </button>
      </>
    );
  return (
    <>
      <p>
        {words.enabled} {words.codesLeft(factor.recoveryCodesLeft)}
      </p>
      {factor.required && <p>{words.required}</p>}
      <div className="actions">
        <button type="button" className="button-second" onClick={() => setDoing("renewing")}>
          {words.renew}
        </button>
        {!factor.required && (
          <button type="button" className="button-quiet" onClick={() => setDoing("disabling")}>
            {words.disable}
          </button>
        )}
      </div>
      {doing === "renewing" && (
        <Proof
          title={words.renew}
          text={words.renewText}
          action={words.goOn}
          withCode
          onClose={() => setDoing("nothing")}
          onProved={async (password, oneTimeCode) => {
            const { success, problem } = await renew({ password, oneTimeCode });
            if (success) setCodes(success.recoveryCodes);
            return problem;
          }}
        />
      )}
      {doing === "disabling" && (
        <Proof
          title={words.disable}
          text={words.disableText}
          action={words.disable}
          withCode
          onClose={() => setDoing("nothing")}
          onProved={async (password, oneTimeCode) => {
            const { success, problem } = await disable({ password, oneTimeCode });
            if (success) finish(words.disabled);
            return problem;
          }}
        />
      )}
    </>
  );
}

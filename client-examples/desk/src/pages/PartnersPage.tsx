import { Notice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { DeskWebhooks } from "@espace-citoyens/kit/operations.ts";
import { useQuery } from "urql";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { Tokens } from "../partners/Tokens.tsx";
import { Webhooks } from "../partners/Webhooks.tsx";
import { SettingsPlaces } from "../SettingsPlaces.tsx";
import { useWords } from "../wording.ts";

/** Systems of other providers: what they may do, and whether they take what they are told. */
export default function PartnersPage() {
  const words = useWords();
  const { desk } = useFrame();
  return (
    <DeskPage title={words.partners.title}>
      <SettingsPlaces />
      {desk.agent.role === "ADMINISTRATOR" ? <Partners /> : <p>{words.frame.administratorsOnly}</p>}
    </DeskPage>
  );
}

function Partners() {
  const words = useWords().partners;
  const [{ data, error, fetching }, execute] = useQuery({
    query: DeskWebhooks,
    requestPolicy: "network-only",
  });
  const reload = () => execute({ requestPolicy: "network-only" });
  const webhooks = data?.desk?.webhooks;
  const paused = webhooks?.filter((webhook) => webhook.state === "PAUSED").length ?? 0;
  return (
    <>
      {paused > 0 && <Notice kind="warning">{words.paused(paused)}</Notice>}
      <section>
        <h2>{words.tokens}</h2>
        <p>{words.tokensText}</p>
        <Tokens onRevoked={reload} />
      </section>
      <section>
        <h2>{words.webhooks}</h2>
        <p>{words.webhooksText}</p>
        {!webhooks && <Waiting error={error} nobody={data?.desk === null} onTryAgain={reload} />}
        {webhooks && <Webhooks webhooks={webhooks} onResumed={reload} />}
        <button type="button" className="button-quiet" disabled={fetching} onClick={reload}>
          {words.lookAgain}
        </button>
      </section>
    </>
  );
}

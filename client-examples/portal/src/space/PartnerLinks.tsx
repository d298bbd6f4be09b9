import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { PasswordField } from "@espace-citoyens/kit/form/PasswordField.tsx";
import {
  LinkPartner,
  MyPartnerLinks,
  type MyPartnerLinksQuery,
  OpenPartner,
  UnlinkPartner,
  UpdatePartnerCredentials,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { useWords } from "../wording.ts";

type Read = MyPartnerLinksQuery;
type PartnerLink = NonNullable<Read["me"]>["partnerLinks"][number];
type System = Read["municipality"]["partners"][number];

/** Espace Famille and systems like it: linked, opened without logging in there, changed and unlinked. */
export function PartnerLinks() {
  const words = useWords();
  const [{ data, error }, execute] = useQuery({ query: MyPartnerLinks, requestPolicy: "network-only" });
  const [opened, setOpened] = useState<System | PartnerLink | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [open] = useChange(OpenPartner, (answer) => answer.openPartner);
  const [unlink] = useChange(UnlinkPartner, (answer) => answer.unlinkPartner);
  const reload = () => execute({ requestPolicy: "network-only" });
  if (!data?.me) return <Waiting error={error} nobody={data?.me === null} onTryAgain={reload} />;
  const links = data.me.partnerLinks;
  const linked = new Set(links.map((link) => link.system.slug));
  const others = data.municipality.partners.filter((system) => !linked.has(system.slug));
  if (links.length + others.length === 0) return null;
  const go = async (link: PartnerLink) => {
    // Opened before it is known where to: what opens later, browsers take for an advertisement.
    const page = window.open("", "_blank");
    const { success, problem } = await open({ link: link.id });
    setProblem(problem);
    if (success && page) {
      page.opener = null;
      page.location.href = success.url;
    } else page?.close();
  };
  return (
    <section>
      <h2>{words.partners.title}</h2>
      <ProblemNotice problem={problem} />
      <ul className="plain documents">
        {links.map((link) => (
          <li key={link.id} className="card">
            <div>
              <strong>{link.system.name}</strong> – {link.label}
              {link.state !== "ACTIVE" && <p className="alarming">{words.partners.states[link.state]}</p>}
            </div>
            <div className="actions">
              {link.state === "ACTIVE" && (
                <button type="button" className="button-second" onClick={() => go(link)}>
                  {words.partners.open(link.system.name)}
                </button>
              )}
              <button type="button" className="button-quiet" onClick={() => setOpened(link)}>
                {words.partners.change(link.system.name)}
              </button>
              <button
                type="button"
                className="button-quiet"
                onClick={async () => {
                  const { problem } = await unlink({ link: link.id });
                  setProblem(problem);
                  reload();
                }}
              >
                {words.partners.unlink(link.system.name)}
              </button>
            </div>
          </li>
        ))}
      </ul>
      {others.map((system) => (
        <button key={system.slug} type="button" className="button-second" onClick={() => setOpened(system)}>
          {words.partners.link(system.name)}
        </button>
      ))}
      {opened && <Credentials about={opened} onClose={() => setOpened(null)} onDone={reload} />}
    </section>
  );
}

interface CredentialsProperties {
  about: System | PartnerLink;
  onClose: () => void;
  onDone: () => void;
}

function Credentials({ about, onClose, onDone }: CredentialsProperties) {
  const words = useWords();
  const [link, linking] = useChange(LinkPartner, (answer) => answer.linkPartner);
  const [update, updating] = useChange(UpdatePartnerCredentials, (answer) => answer.updatePartnerCredentials);
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const system = "system" in about ? about.system : about;
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } =
      "system" in about
        ? await update({ link: about.id, code, password })
        : await link({ system: about.slug, code, password });
    setProblem(problem);
    if (!success) return;
    onDone();
    onClose();
  };
  return (
    <Dialog
      title={"system" in about ? words.partners.change(system.name) : words.partners.link(system.name)}
      onClose={onClose}
    >
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem} />
        <Labelled path="code" label={system.credentialLabels.code} required>
          {(described) => (
            <input
              {...described}
              autoComplete="off"
              value={code}
              onChange={(event) => setCode(event.target.value)}
            />
          )}
        </Labelled>
        <PasswordField
          path="partnerPassword"
          label={system.credentialLabels.password}
          required
          autoComplete="off"
          value={password}
          onChange={setPassword}
        />
        <div className="actions">
          <button type="submit" className="button" disabled={linking || updating}>
            {words.frame.save}
          </button>
          <button type="button" className="button-quiet" onClick={onClose}>
            {words.frame.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

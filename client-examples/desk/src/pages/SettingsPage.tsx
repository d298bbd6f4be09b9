import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { DeskAgents } from "@espace-citoyens/kit/operations.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { type Agent, AgentForm } from "../AgentForm.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import { SettingsPlaces } from "../SettingsPlaces.tsx";
import { ParkedMails } from "../settings/ParkedMails.tsx";
import { useWords } from "../wording.ts";

/** What an agent looks at now and then: mail that was not delivered, and who works at the mairie. */
export default function SettingsPage() {
  const words = useWords();
  return (
    <DeskPage title={words.settings.title}>
      <SettingsPlaces />
      <section>
        <h2>{words.settings.mails}</h2>
        <ParkedMails />
      </section>
      <section>
        <h2>{words.settings.agents}</h2>
        <Agents />
      </section>
    </DeskPage>
  );
}

function Agents() {
  const words = useWords();
  const announce = useAnnounce();
  const { desk, reload } = useFrame();
  const [{ data, error }, execute] = useQuery({ query: DeskAgents, requestPolicy: "network-only" });
  const [opened, setOpened] = useState<"new" | Agent | null>(null);
  const agents = data?.desk?.agents;
  if (!agents)
    return (
      <Waiting
        error={error}
        nobody={data?.desk === null}
        onTryAgain={() => execute({ requestPolicy: "network-only" })}
      />
    );
  const writes = desk.agent.role === "ADMINISTRATOR";
  return (
    <>
      {writes && (
        <button type="button" className="button-second" onClick={() => setOpened("new")}>
          {words.agents.add}
        </button>
      )}
      <ul className="plain">
        {agents.map((agent) => (
          <li key={agent.id}>
            <strong>{agent.displayName}</strong> – {words.settings.roles[agent.role]}
            {!agent.active && <span className="quiet"> ({words.agents.inactive})</span>}{" "}
            {writes && (
              <button type="button" className="button-quiet" onClick={() => setOpened(agent)}>
                {words.agents.change(agent.displayName)}
              </button>
            )}
            {agent.role === "HANDLER" && agent.procedures.length > 0 && (
              <p className="quiet">{agent.procedures.map((procedure) => procedure.title).join(", ")}</p>
            )}
          </li>
        ))}
      </ul>
      {opened !== null && (
        <AgentForm
          agent={opened === "new" ? null : opened}
          onClose={() => setOpened(null)}
          onSaved={() => {
            announce(words.frame.saved);
            execute({ requestPolicy: "network-only" });
            reload();
          }}
        />
      )}
    </>
  );
}

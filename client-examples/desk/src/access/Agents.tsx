import { useChange } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { ResetSecondFactor } from "@espace-citoyens/kit/operations.ts";
import { useFocusAfter } from "@espace-citoyens/kit/useFocusAfter.ts";
import { useState } from "react";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";
import { Proof } from "./Proof.tsx";

interface Properties {
  /** The ids of those who log in with a password alone. */
  without: ReadonlySet<string>;
  onChanged: () => void;
}

/** For administrators: who has a second factor, and a way back for whoever has lost theirs. */
export function Agents({ without, onChanged }: Properties) {
  const words = useWords().access;
  const { desk } = useFrame();
  const announce = useAnnounce();
  const [list, focusList] = useFocusAfter<HTMLUListElement>();
  const [reset] = useChange(ResetSecondFactor, (data) => data.resetSecondFactor);
  const [asked, setAsked] = useState<{ id: string; displayName: string } | null>(null);
  return (
    <>
      <ul ref={list} tabIndex={-1} className="plain">
        {desk.agents
          .filter((agent) => agent.active)
          .map((agent) => (
            <li key={agent.id}>
              <strong>{agent.displayName}</strong> –{" "}
              {without.has(agent.id) ? words.passwordAlone : words.withFactor}{" "}
              {!without.has(agent.id) && agent.id !== desk.agent.id && (
                <button type="button" className="button-quiet" onClick={() => setAsked(agent)}>
                  {words.reset(agent.displayName)}
                </button>
              )}
            </li>
          ))}
      </ul>
      {asked && (
        <Proof
          title={words.resetTitle(asked.displayName)}
          text={words.resetText}
          action={words.resetAction}
          withCode={false}
          onClose={() => setAsked(null)}
          onProved={async (password) => {
            const { success, problem } = await reset({ agent: asked.id, password });
            if (success) {
              setAsked(null);
              announce(words.wasReset(asked.displayName));
              focusList();
              onChanged();
            }
            return problem;
          }}
        />
      )}
    </>
  );
}

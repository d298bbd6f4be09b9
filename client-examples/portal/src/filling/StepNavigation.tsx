import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import type { StepKind } from "@espace-citoyens/kit/operations.ts";
import { useWords } from "../wording.ts";

interface Properties {
  steps: readonly { kind: StepKind; title: string }[];
  current: StepKind;
  done: (kind: StepKind) => boolean;
  onGo: ((kind: StepKind) => void) | null;
}

/** The steps of a request: where somebody is, what is filled in, and a way to go to each. */
export function StepNavigation({ steps, current, done, onGo }: Properties) {
  const words = useWords();
  return (
    <nav aria-label={words.filling.steps}>
      <ol className="steps">
        {steps.map((step) => (
          <li key={step.kind}>
            <button
              type="button"
              aria-current={step.kind === current ? "step" : undefined}
              disabled={onGo === null && step.kind !== current}
              onClick={() => onGo?.(step.kind)}
            >
              {done(step.kind) && (
                <>
                  <Icon name="check" label={words.filling.done} />{" "}
                </>
              )}
              <span>{step.title}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { MUNICIPALITY_LANGUAGE, useWording } from "@espace-citoyens/kit/language.tsx";
import {
  BookAppointment,
  type StepKind,
  SubmitRequest,
  type SubmitRequestMutation,
} from "@espace-citoyens/kit/operations.ts";
import type { FieldProblem, Problem } from "@espace-citoyens/kit/outcome.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { Summary } from "@espace-citoyens/kit/request/Summary.tsx";
import { type FormEvent, useState } from "react";
import { type CaptchaAnswer, CaptchaField, missingCode } from "../CaptchaField.tsx";
import { useWords } from "../wording.ts";
import { NextSlotOffer } from "./NextSlotOffer.tsx";
import { fieldOf, stepOf } from "./places.ts";
import type { Draft } from "./useDraft.ts";

type Lost = Extract<SubmitRequestMutation["submitRequest"], { __typename: "SlotUnavailableError" }>;

interface Properties {
  draft: Draft;
  labels: Record<string, string>;
  /** What is missing or wrong. */
  problems: readonly FieldProblem[];
  /** The paths of the fields that the server does not have as they were typed. */
  unsaved: readonly string[];
  onGo: (path: string) => void;
  save: () => Promise<boolean>;
  version: () => number;
  onChange: () => void;
  onSent: () => void;
}

/** Le récapitulatif: what will be sent, what is still missing, and the button that sends it. */
export function SummaryStep({
  draft,
  labels,
  problems,
  unsaved,
  onGo,
  save,
  version,
  onChange,
  onSent,
}: Properties) {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const { ticket } = useDoor();
  const [submit, busy] = useChange(SubmitRequest, (data) => data.submitRequest);
  const [book] = useChange(BookAppointment, (data) => data.bookAppointment);
  const [captcha, setCaptcha] = useState<CaptchaAnswer | null>(null);
  const [round, setRound] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [next, setNext] = useState<Lost["nextAvailable"]>(null);
  const needsCaptcha = ticket !== null;
  const left = [
    ...problems,
    ...unsaved
      .filter((field) => !problems.some(({ path }) => fieldOf(path) === field))
      .map((path) => ({ path, message: words.filling.notInSummary })),
  ];
  const ready = left.length === 0;
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (needsCaptcha && captcha === null) {
      setProblem(missingCode(words));
      return;
    }
    if (!(await save())) return;
    const { success, problem, refusal } = await submit({ request: draft.id, version: version(), captcha });
    setProblem(problem);
    setNext(refusal?.__typename === "SlotUnavailableError" ? refusal.nextAvailable : null);
    if (problem?.code === "CAPTCHA_REJECTED") setRound((before) => before + 1);
    if (success) onSent();
    else onChange();
  };
  const isElsewhere = ({ path }: FieldProblem) => !left.some((each) => each.path === path);
  const take = async (slot: string) => {
    const { problem } = await book({ request: draft.id, slot });
    setProblem(problem);
    if (problem === null) setNext(null);
    onChange();
  };
  return (
    <>
      {ready ? (
        <p>{words.filling.ready}</p>
      ) : (
        <Notice kind="warning">
          <p>{words.filling.missing}</p>
          <ul>
            {left.map((each) => (
              <li key={each.path + each.message}>
                <button
                  type="button"
                  className="button-quiet"
                  lang={stepOf(each.path) === "FORM" ? MUNICIPALITY_LANGUAGE : undefined}
                  onClick={() => onGo(each.path)}
                >
                  {labels[fieldOf(each.path)] ?? words.filling.goTo(stepTitle(draft, stepOf(each.path)))}
                </button>
                {colon}
                {each.message}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <Summary sections={draft.summary} heading="h3" />
      <form onSubmit={send} noValidate>
        <ProblemNotice problem={problem && { ...problem, fields: problem.fields.filter(isElsewhere) }}>
          <NextSlotOffer next={next} onTake={take} />
        </ProblemNotice>
        {needsCaptcha && ready && (
          <CaptchaField purpose="SUBMIT_REQUEST" round={round} onChange={setCaptcha} problem={problem} />
        )}
        <div className="actions">
          <button type="submit" className="button" disabled={busy || !ready}>
            {words.filling.submit}
          </button>
        </div>
      </form>
    </>
  );
}

function stepTitle(draft: Draft, kind: StepKind): string {
  return draft.steps.find((step) => step.kind === kind)?.title ?? "";
}

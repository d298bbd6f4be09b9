import { useChange, useDoor } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { Markdown } from "@espace-citoyens/kit/elements/Markdown.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Attachments } from "@espace-citoyens/kit/files/Attachments.tsx";
import { visibleFields } from "@espace-citoyens/kit/form/conditions.ts";
import type { Answers, FormField } from "@espace-citoyens/kit/form/definition.ts";
import { FieldInput } from "@espace-citoyens/kit/form/FieldInput.tsx";
import { CancelRequest, type StepKind } from "@espace-citoyens/kit/operations.ts";
import type { FieldProblem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Redirect, useLocation, useSearchParams } from "wouter";
import { forgetDraft, keepDraft, keepStep, leftStep } from "../drafts.ts";
import { useFrame } from "../frame.tsx";
import { LogInForm } from "../LogInForm.tsx";
import type { ReminderHandle } from "../Reminder.tsx";
import { SitePage } from "../SitePage.tsx";
import { StoredDocumentChoice } from "../StoredDocumentChoice.tsx";
import { useWords } from "../wording.ts";
import { AppointmentStep } from "./AppointmentStep.tsx";
import { Help } from "./Help.tsx";
import { HoldEnded } from "./HoldEnded.tsx";
import { StepNavigation } from "./StepNavigation.tsx";
import { SummaryStep } from "./SummaryStep.tsx";
import { type Draft, useDraft } from "./useDraft.ts";
import { useIsPast } from "./useIsPast.ts";

/** Each step as the address names it. */
const ADDRESSES: Record<StepKind, string> = {
  PROCEDURE: "demarche",
  APPOINTMENT: "rendez-vous",
  CONTACT: "informations",
  FORM: "demande",
  SUMMARY: "recapitulatif",
};

/**
 * A draft, step by step. `after` is where its page is once it was sent.
 *
 * The step is in the address: the browser's arrows lead from one to another, and a page that is loaded again is the same. Without
 * one it is the step that was left on this device, at first the one after La démarche.
 */
export function Filling({ id, after }: { id: string; after: string }) {
  const words = useWords();
  const { me, municipality } = useFrame();
  const { ticket } = useDoor();
  const [path, navigate] = useLocation();
  const [search] = useSearchParams();
  const filling = useDraft(id);
  const { draft, save, reload } = filling;
  const [visited, setVisited] = useState<ReadonlySet<StepKind>>(new Set());
  const heading = useRef<HTMLHeadingElement>(null);
  const reminder = useRef<ReminderHandle>(null);
  const upToDate = useRef<StepKind | null>(null);

  const title = draft?.procedure.title;
  useEffect(() => {
    if (ticket && title && draft?.status === "DRAFT") keepDraft({ ticket, title });
  }, [ticket, title, draft?.status]);
  const labels = useMemo(() => labelsOf(draft), [draft]);
  const named = search.get("etape");
  const asked = named ?? leftStep(id);
  const current =
    draft && (draft.steps.find(({ kind }) => ADDRESSES[kind] === asked) ?? draft.steps[1])?.kind;
  const [held] = draft?.appointments ?? [];
  const ended = useIsPast(held?.heldUntil ?? null);
  useEffect(() => {
    if (!current || draft?.status !== "DRAFT") return;
    keepStep(id, ADDRESSES[current]);
    // Left without it, this address would lead to another step when the browser comes back to it.
    if (named === null) navigate(`${path}?etape=${ADDRESSES[current]}`, { replace: true });
  }, [id, current, draft?.status, named, path, navigate]);
  const catchUp = useCallback(
    async (kind: StepKind) => {
      await save();
      // What the step shows is made by the server of what the others hold.
      if (kind === "SUMMARY" || kind === "APPOINTMENT") await reload();
    },
    [save, reload],
  );
  const stepKinds = draft?.steps.map(({ kind }) => kind).join(" ") ?? "";
  const shownBefore = useRef<StepKind | null>(null);
  useEffect(() => {
    const left = shownBefore.current;
    shownBefore.current = current ?? null;
    if (!current || left === current) return;
    if (left === null) {
      // Whoever comes back has been through the steps before this one.
      const kinds = stepKinds.split(" ") as StepKind[];
      setVisited(new Set(kinds.slice(0, kinds.indexOf(current))));
      return;
    }
    setVisited((before) => new Set([...before, left]));
    heading.current?.focus();
    window.scrollTo(0, 0);
    // The browser's arrows ask nobody: it is done now.
    if (upToDate.current !== current) catchUp(current);
    upToDate.current = null;
  }, [current, catchUp, stepKinds]);

  if (filling.absent === "absent") return <p role="alert">{words.request.unknown}</p>;
  if (filling.absent !== null) return <ProblemNotice problem={filling.absent} />;
  if (draft === null) return filling.saving === "ended" ? <SessionEnded /> : <Busy />;
  if (draft.status !== "DRAFT") return <Redirect to={after} replace />;
  const steps = draft.steps;
  const index = Math.max(
    0,
    steps.findIndex((each) => each.kind === current),
  );
  const step = steps[index]!;
  const go = async (kind: StepKind) => {
    const { pathname } = location;
    // An address that cannot be kept is said at its field, before it is out of sight.
    if (reminder.current && !(await reminder.current.keep())) return;
    await catchUp(kind);
    // Whoever has gone elsewhere meanwhile, or asked twice, is where they want to be.
    if (location.pathname !== pathname || shownBefore.current === kind) return;
    upToDate.current = kind;
    navigate(`${path}?etape=${ADDRESSES[kind]}`);
  };
  const stepOf = (path: string): StepKind => {
    if (path === "appointment") return "APPOINTMENT";
    return path.startsWith("contact") ? "CONTACT" : "FORM";
  };
  const problemsOf = (kind: StepKind) => draft.problems.filter((each) => stepOf(each.path) === kind);
  const shown = (kind: StepKind): FieldProblem[] => [
    ...filling.rejected.filter((each) => stepOf(each.path) === kind),
    // What is missing is said once the step was left: not before anything could be typed.
    ...(visited.has(kind)
      ? problemsOf(kind).filter((each) => !filling.rejected.some((other) => other.path === each.path))
      : []),
  ];
  const next = steps[index + 1];
  const previous = steps[index - 1];
  const goOn = (event: FormEvent) => {
    event.preventDefault();
    if (next) go(next.kind);
  };
  return (
    <SitePage title={draft.procedure.title}>
      {filling.saving === "ended" && <SessionEnded onBack={() => heading.current?.focus()} />}
      <StepNavigation
        steps={steps}
        current={step.kind}
        done={(kind) =>
          kind === "PROCEDURE" || (visited.has(kind) && kind !== "SUMMARY" && problemsOf(kind).length === 0)
        }
        onGo={go}
      />
      <div className="step-head">
        <div>
          <p className="quiet">{words.filling.step(index + 1, steps.length)}</p>
          <h2 ref={heading} tabIndex={-1}>
            {step.title}
          </h2>
        </div>
        <Help help={step.help ?? null} />
      </div>
      <HoldEnded
        key={held?.heldUntil}
        draft={draft}
        ended={ended}
        reload={reload}
        onHeld={() => heading.current?.focus()}
        onChoose={step.kind === "APPOINTMENT" ? null : () => go("APPOINTMENT")}
      />
      {filling.reread && <Notice kind="information">{words.filling.otherVersion}</Notice>}
      {/* It has a form of its own, for the reminder: saving that is not going on. */}
      {step.kind === "APPOINTMENT" && (
        <AppointmentStep draft={draft} ended={ended} reminder={reminder} reload={reload} />
      )}
      {step.kind === "SUMMARY" ? (
        <SummaryStep
          draft={draft}
          labels={labels}
          stepOf={stepOf}
          onGo={go}
          save={filling.save}
          version={filling.version}
          onChange={filling.reload}
          onSent={() => {
            forgetDraft(id, ticket);
            navigate(`${after}?envoyee`);
          }}
        />
      ) : (
        <form onSubmit={goOn} noValidate>
          {step.kind === "PROCEDURE" && step.body && <Markdown text={step.body} />}
          {step.kind === "CONTACT" && (
            <Fields
              fields={step.fields}
              answers={filling.contact}
              onAnswer={filling.answerContact}
              problems={shown("CONTACT").map((each) => ({
                ...each,
                path: each.path.replace(/^contact\./, ""),
              }))}
            />
          )}
          {step.kind === "FORM" && (
            <Fields
              fields={step.fields}
              answers={filling.answers}
              onAnswer={filling.answer}
              problems={shown("FORM")}
              files={(field) => (
                <Attachments
                  request={id}
                  attachments={draft.attachments.filter((each) => each.field === field.key)}
                  limits={municipality.upload}
                  field={field}
                  mayAdd
                  chooseStored={
                    me && ticket === null
                      ? (choose, close) => <StoredDocumentChoice onChoose={choose} onClose={close} />
                      : null
                  }
                  onChange={filling.reload}
                />
              )}
            />
          )}
          <div className="actions">
            {previous && (
              <button type="button" className="button-second" onClick={() => go(previous.kind)}>
                {words.filling.previous}
              </button>
            )}
            <button type="submit" className="button">
              {words.filling.next}
            </button>
          </div>
        </form>
      )}
      <p className="saving" role="status" data-saving={filling.saving}>
        {words.filling[filling.saving]}
      </p>
      <p className="quiet">{words.filling.draftKept}</p>
      <Discard id={id} />
    </SitePage>
  );
}

/** A log-in over what was typed meanwhile. `onBack`: once somebody has, and it is gone. */
function SessionEnded({ onBack = () => {} }: { onBack?: () => void }) {
  const words = useWords();
  const leave = useRef(onBack);
  useEffect(() => {
    const { current } = leave;
    return () => current();
  }, []);
  return (
    <section className="card">
      <Notice kind="warning">{words.filling.sessionEnded}</Notice>
      <LogInForm />
    </section>
  );
}

interface FieldsProperties {
  fields: readonly FormField[];
  answers: Answers;
  onAnswer: (key: string, value: Answers[string]) => void;
  problems: readonly FieldProblem[];
  files?: Parameters<typeof FieldInput>[0]["files"];
}

function Fields({ fields, answers, onAnswer, problems, files = () => null }: FieldsProperties) {
  const words = useWords();
  const asked = visibleFields(fields, answers);
  if (asked.length === 0) return <p>{words.filling.nothingAsked}</p>;
  return asked.map((field) => (
    <FieldInput
      key={field.key}
      field={field}
      value={answers[field.key]}
      onChange={(value) => onAnswer(field.key, value)}
      problems={problems}
      files={files}
    />
  ));
}

function Discard({ id }: { id: string }) {
  const words = useWords();
  const { ticket } = useDoor();
  const [, navigate] = useLocation();
  const [asked, setAsked] = useState(false);
  const [cancel] = useChange(CancelRequest, (data) => data.cancelRequest);
  return (
    <>
      <button type="button" className="button-quiet" onClick={() => setAsked(true)}>
        {words.filling.discard}
      </button>
      {asked && (
        <Dialog title={words.filling.discardConfirm} onClose={() => setAsked(false)}>
          <div className="actions">
            <button
              type="button"
              className="button"
              onClick={async () => {
                const { success } = await cancel({ request: id });
                setAsked(false);
                if (!success) return;
                forgetDraft(id, ticket);
                navigate("/");
              }}
            >
              {words.filling.discard}
            </button>
            <button type="button" className="button-quiet" onClick={() => setAsked(false)}>
              {words.frame.cancel}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function labelsOf(draft: Draft | null): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const step of draft?.steps ?? []) {
    for (const field of step.fields) labels[field.key] = field.label;
    if (step.kind === "APPOINTMENT") labels.appointment = step.title;
  }
  return labels;
}

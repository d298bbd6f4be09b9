import { useDoor } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Markdown } from "@espace-citoyens/kit/elements/Markdown.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Attachments } from "@espace-citoyens/kit/files/Attachments.tsx";
import type { Answers } from "@espace-citoyens/kit/form/definition.ts";
import { MUNICIPALITY_LANGUAGE } from "@espace-citoyens/kit/language.tsx";
import type { StepKind } from "@espace-citoyens/kit/operations.ts";
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
import { Discard } from "./Discard.tsx";
import { Fields } from "./Fields.tsx";
import { Help } from "./Help.tsx";
import { HoldEnded } from "./HoldEnded.tsx";
import { fieldOf, inputAt, labelsIn, pathOf, stepOf } from "./places.ts";
import { Saved } from "./Saved.tsx";
import { StepNavigation } from "./StepNavigation.tsx";
import { SummaryStep } from "./SummaryStep.tsx";
import { useDraft } from "./useDraft.ts";
import { useIsPast } from "./useIsPast.ts";
import { useTold } from "./useTold.ts";

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
  const { told, leave, type } = useTold(id);
  /** What of the step that is gone to is to be mended. */
  const target = useRef<string | null>(null);
  /** What of the step that is not gone on from is. */
  const [stay, setStay] = useState<{ at: string } | null>(null);
  useEffect(() => {
    if (stay) inputAt(stay.at)?.focus();
  }, [stay]);

  const title = draft?.procedure.title;
  useEffect(() => {
    if (ticket && title && draft?.status === "DRAFT") keepDraft({ ticket, title });
  }, [ticket, title, draft?.status]);
  const labels = useMemo(() => labelsIn(draft?.steps ?? []), [draft]);
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
    type(null);
    const wrong = target.current && inputAt(target.current);
    target.current = null;
    window.scrollTo(0, 0);
    (wrong || heading.current)?.focus();
    if (wrong) wrong.scrollIntoView({ block: "center" });
    // The browser's arrows ask nobody: it is done now.
    if (upToDate.current !== current) catchUp(current);
    upToDate.current = null;
  }, [current, catchUp, stepKinds, type]);

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
  const go = async (kind: StepKind, at: string | null = null) => {
    const { pathname } = location;
    // An address that cannot be kept is said at its field, before it is out of sight.
    if (reminder.current && !(await reminder.current.keep())) return;
    await catchUp(kind);
    // Whoever has gone elsewhere meanwhile, or asked twice, is where they want to be.
    if (location.pathname !== pathname || shownBefore.current === kind) return;
    upToDate.current = kind;
    target.current = at;
    navigate(`${path}?etape=${ADDRESSES[kind]}`);
  };
  const isDone = (kind: StepKind) => {
    if (kind === "PROCEDURE") return true;
    const unsaved = filling.saving === "saving" ? [] : filling.unsaved;
    const unsettled = [...filling.problems.map(({ path }) => path), ...unsaved];
    return visited.has(kind) && kind !== "SUMMARY" && !unsettled.some(isIn(kind));
  };
  const toldHere = told(
    filling.problems,
    filling.asked.filter(isIn(step.kind)),
    visited.has(step.kind) || visited.has("SUMMARY"),
  );
  const answerHere = (key: string, value: Answers[string]) => {
    const field = pathOf(step.kind, key);
    if (!toldHere.some(({ path }) => fieldOf(path) === field)) type(field);
    if (step.kind === "CONTACT") filling.answerContact(key, value);
    else filling.answer(key, value);
  };
  const next = steps[index + 1];
  const previous = steps[index - 1];
  const goOn = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const half = [...event.currentTarget.querySelectorAll("input")].find(({ validity }) => validity.badInput);
    await filling.save();
    // What was typed and cannot be kept is said before it is out of sight. Who leaves it for later goes by the steps.
    const wrong = filling.refusals().find(({ path }) => isIn(step.kind)(path));
    if (wrong || half) {
      type(null);
      setVisited((before) => new Set([...before, step.kind]));
    }
    if (wrong) setStay({ at: wrong.path });
    else if (half) {
      // It says itself what is wrong once it is left.
      half.blur();
      half.focus();
    } else if (next) go(next.kind);
  };
  return (
    <SitePage title={draft.procedure.title} named part={step.title}>
      {filling.saving === "ended" && <SessionEnded onBack={() => heading.current?.focus()} />}
      <StepNavigation steps={steps} current={step.kind} done={isDone} onGo={(kind) => go(kind)} />
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
          problems={filling.problems}
          unsaved={filling.unsaved}
          onGo={(path) => go(stepOf(path), path)}
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
              onAnswer={answerHere}
              onLeave={(key) => leave(pathOf("CONTACT", key))}
              problems={toldHere}
            />
          )}
          {step.kind === "FORM" && (
            <Fields
              fields={step.fields}
              language={MUNICIPALITY_LANGUAGE}
              answers={filling.answers}
              onAnswer={answerHere}
              onLeave={(key) => leave(pathOf("FORM", key))}
              problems={toldHere}
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
      <Saved saving={filling.saving} unsaved={filling.unsaved.map((path) => labels[path] ?? path)} />
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

function isIn(kind: StepKind): (path: string) => boolean {
  return (path) => stepOf(path) === kind;
}

import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Labelled, LabelledGroup } from "@espace-citoyens/kit/form/Labelled.tsx";
import { DeskProcedure, type DeskProcedureQuery, SaveProcedure } from "@espace-citoyens/kit/operations.ts";
import type { FieldProblem, Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FocusEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { useLocation } from "wouter";
import { Absent } from "../Absent.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import {
  draftOf,
  inputOf,
  newField,
  newProcedure,
  type ProcedureDraft,
  readableSpan,
  STEPS,
} from "../procedures/draft.ts";
import { FieldEditor } from "../procedures/FieldEditor.tsx";
import { NEW } from "../procedures/new.ts";
import { HEAD, Preview } from "../procedures/Preview.tsx";
import { atInput, inputName, unreadableIn } from "../procedures/problems.ts";
import { useKeptDraft } from "../procedures/useKeptDraft.ts";
import { useUnsaved } from "../useUnsaved.ts";
import { useWords } from "../wording.ts";

const ADD = "add-a-field";
const SAVE = "save";
const SAVED = "saved";
const NO_PROBLEMS: readonly FieldProblem[] = [];
/** What this page finds wrong by itself: told until something is changed, since each field says it as it is typed. */
const UNREADABLE = "UNREADABLE";

/** A procedure to write on, beside what citizens will see of it. */
export default function ProcedureEditor({ slug }: { slug: string }) {
  const words = useWords();
  const { desk } = useFrame();
  const [saved, setSaved] = useState<number | null>(null);
  const [{ data, error, fetching }, execute] = useQuery({
    query: DeskProcedure,
    variables: { slug },
    requestPolicy: "network-only",
  });
  const found = data && (data.procedure?.slug ?? NEW) === slug;
  if (desk.agent.role !== "ADMINISTRATOR")
    return <DeskPage title={words.procedures.title}>{words.frame.administratorsOnly}</DeskPage>;
  if (!data) return <Waiting error={error} onTryAgain={() => execute({ requestPolicy: "network-only" })} />;
  if (fetching && !found) return <Busy />;
  if (!found) return <Absent title={words.frame.notFound}>{words.frame.notFoundText}</Absent>;
  return (
    <Editor
      key={slug}
      read={data.procedure}
      categories={data.procedureCategories}
      saved={saved}
      onSaved={setSaved}
    />
  );
}

interface EditorProperties {
  read: DeskProcedureQuery["procedure"];
  categories: DeskProcedureQuery["procedureCategories"];
  /** The version that was saved last, as long as nothing was changed since. It outlives the address of a new procedure. */
  saved: number | null;
  onSaved: (version: number | null) => void;
}

type SpanPart = "estimatedDays" | "retentionMonths";
type TextPart = "slug" | "title" | "summary" | "body" | "keywords" | SpanPart;

function Editor({ read, categories, saved, onSaved }: EditorProperties) {
  const words = useWords();
  const frame = useFrame();
  const [, navigate] = useLocation();
  const [save, busy] = useChange(SaveProcedure, (data) => data.saveProcedure);
  const kept = useKeptDraft(read?.slug ?? NEW);
  const [taken, setTaken] = useState(kept.found !== null);
  const [draft, setDraft] = useState<ProcedureDraft>(
    () => kept.found?.draft ?? (read ? draftOf(read) : newProcedure(categories[0]?.slug ?? "")),
  );
  const [version, setVersion] = useState(kept.found ? kept.found.version : (read?.version ?? null));
  const [problem, setProblem] = useState<Problem | null>(null);
  /** The version that somebody else published meanwhile. */
  const [theirs, setTheirs] = useState<number | null>(null);
  const [edited, setEdited] = useState<string | null>(null);
  const unsaved = useUnsaved(words.procedures.leave, kept.found !== null);
  const set = (changed: Partial<ProcedureDraft>) => {
    unsaved.current = true;
    onSaved(null);
    if (problem?.code === UNREADABLE) setProblem(null);
    const next = { ...draft, ...changed };
    setDraft(next);
    kept.keep({ draft: next, version });
  };
  const setField = (id: string, changed: object) =>
    set({ fields: draft.fields.map((field) => (field.id === id ? { ...field, ...changed } : field)) });
  // What an administrator goes on with, once it is there: the focus is not lost with what moved or is gone.
  const goOn = useRef<string | null>(saved === null ? null : SAVE);
  useEffect(() => {
    if (goOn.current !== null) document.getElementById(goOn.current)?.focus();
    goOn.current = null;
  });
  // What was wrong was told by positions: it is told anew by the next save.
  const rearrange = (fields: ProcedureDraft["fields"]) => {
    setProblem(null);
    set({ fields });
  };
  const moveField = (position: number, by: number, button: string) => {
    goOn.current = button;
    const fields = [...draft.fields];
    const [moved] = fields.splice(position, 1);
    if (moved) fields.splice(Math.max(0, position + by), 0, moved);
    rearrange(fields);
  };
  const send = async (base: number | null) => {
    const wrong = unreadableIn(draft, words.procedures);
    if (wrong.length > 0) {
      setProblem({ code: UNREADABLE, message: words.procedures.unreadable, fields: wrong });
      return;
    }
    const { success, problem, refusal } = await save({
      input: { ...inputOf(draft), id: read?.id ?? null, version: read ? base : null },
    });
    const published = refusal?.__typename === "ConflictError" ? refusal.currentVersion : null;
    setTheirs(published);
    setProblem(
      problem && {
        ...problem,
        message: published === null ? problem.message : words.procedures.conflict(published),
        fields: problem.fields.map((each) => atInput(each, draft)),
      },
    );
    if (!success) return;
    unsaved.current = false;
    kept.forget();
    setTaken(false);
    // The button that published this one instead goes with its notice.
    if (theirs !== null) goOn.current = SAVE;
    setVersion(success.procedure.version);
    onSaved(success.procedure.version);
    frame.reloadProcedures();
    if (!read) navigate(`/demarches/${success.procedure.slug}`, { replace: true });
  };
  const at = (path: string) => messagesAt(problem?.fields ?? [], path);
  const labels = Object.fromEntries(
    (problem?.fields ?? []).flatMap(({ path }) => {
      const name = inputName(path, draft, words.procedures);
      return name === undefined ? [] : [[path, name]];
    }),
  );
  const giveUp = () => {
    unsaved.current = false;
    kept.forget();
    location.reload();
  };
  const follow = ({ target }: FocusEvent<HTMLElement>) => {
    const field = target.closest<HTMLElement>("[data-field]")?.dataset.field;
    if (field) setEdited(field);
    else if (target.matches("input, select, textarea")) setEdited(HEAD);
  };
  const text = (
    part: TextPart,
    label: string,
    lines = 0,
    help: string | null = null,
    messages = at(part),
  ): ReactNode => (
    <Labelled path={part} label={label} help={help} messages={messages}>
      {(described) =>
        lines > 0 ? (
          <textarea
            {...described}
            rows={lines}
            value={draft[part]}
            onChange={(event) => set({ [part]: event.target.value })}
          />
        ) : (
          <input
            {...described}
            value={draft[part]}
            readOnly={part === "slug" && read !== null}
            onChange={(event) => set({ [part]: event.target.value })}
          />
        )
      }
    </Labelled>
  );
  // How long the others are kept is known of one that is kept as long.
  const others = read && read.ownRetentionMonths === null ? read.retentionMonths : null;
  const span = (part: SpanPart, label: string, help: string | null = null): ReactNode =>
    text(
      part,
      label,
      0,
      help,
      readableSpan(draft[part]) ? at(part) : [words.procedures.wrongNumber(draft[part])],
    );
  const choice = <Part extends "category" | "state" | "appointment">(
    part: Part,
    label: string,
    options: readonly { value: string; label: string }[],
  ): ReactNode => (
    <Labelled path={part} label={label} messages={at(part)}>
      {(described) => (
        <select {...described} value={draft[part]} onChange={(event) => set({ [part]: event.target.value })}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
  const named = (names: Record<string, string>) =>
    Object.entries(names).map(([value, label]) => ({ value, label }));
  return (
    <DeskPage title={draft.title || words.procedures.add}>
      <div className="two-columns">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            send(version);
          }}
          onFocus={follow}
          noValidate
        >
          {taken && (
            <Notice kind="information">
              {words.procedures.taken}{" "}
              <button type="button" className="button-second" onClick={giveUp}>
                {words.procedures.giveUp}
              </button>
            </Notice>
          )}
          <ProblemNotice problem={problem} labels={labels}>
            {theirs !== null && read && (
              <div className="actions">
                <a href={`/mairie/demarches/${read.slug}`} target="_blank" rel="noreferrer">
                  {words.procedures.theirs(theirs)}
                </a>
                <button type="button" className="button-second" disabled={busy} onClick={() => send(theirs)}>
                  {words.procedures.mine}
                </button>
              </div>
            )}
          </ProblemNotice>
          {text("title", words.procedures.name)}
          {text("slug", words.procedures.address, 0, words.procedures.addressHelp)}
          {choice(
            "category",
            words.procedures.category,
            categories.map((category) => ({ value: category.slug, label: category.title })),
          )}
          {choice("state", words.procedures.state, named(words.procedures.states))}
          {text("summary", words.procedures.summary, 2)}
          {text("body", words.procedures.body, 8)}
          {text("keywords", words.procedures.keywords)}
          {span("estimatedDays", words.procedures.estimatedDays)}
          {span("retentionMonths", words.procedures.retention, words.procedures.retentionHelp(others))}
          <label className="option">
            <input
              type="checkbox"
              checked={draft.requiresAccount}
              onChange={(event) => set({ requiresAccount: event.target.checked })}
            />
            {words.procedures.requiresAccount}
          </label>
          {choice("appointment", words.procedures.appointment, named(words.procedures.policies))}
          {draft.appointment !== "NONE" && (
            <LabelledGroup path="schedules" label={words.procedures.schedules} messages={at("schedules")}>
              {frame.desk.schedules.map((schedule) => (
                <label key={schedule.id} className="option">
                  <input
                    type="checkbox"
                    checked={draft.schedules.includes(schedule.id)}
                    onChange={(event) =>
                      set({
                        schedules: event.target.checked
                          ? [...draft.schedules, schedule.id]
                          : draft.schedules.filter((each) => each !== schedule.id),
                      })
                    }
                  />
                  {schedule.title} – {schedule.place}
                </label>
              ))}
            </LabelledGroup>
          )}
          {STEPS.map((step) => (
            <Labelled
              key={step}
              path={`help.${step}`}
              label={words.procedures.help(words.procedures.steps[step])}
              messages={at(`help.${step}`)}
            >
              {(described) => (
                <textarea
                  {...described}
                  rows={2}
                  value={draft.help[step] ?? ""}
                  onChange={(event) => set({ help: { ...draft.help, [step]: event.target.value } })}
                />
              )}
            </Labelled>
          ))}
          <h2>{words.procedures.fields}</h2>
          {draft.fields.map((field, position) => (
            <FieldEditor
              key={field.id}
              field={field}
              position={position}
              problems={problem?.fields ?? NO_PROBLEMS}
              onChange={(changed) => setField(field.id, changed)}
              onMove={(by, button) => moveField(position, by, button)}
              onRemove={() => {
                goOn.current = ADD;
                rearrange(draft.fields.filter((each) => each.id !== field.id));
              }}
            />
          ))}
          <button
            type="button"
            id={ADD}
            className="button-second"
            onClick={() => {
              goOn.current = `field-fields.${draft.fields.length}.label`;
              set({ fields: [...draft.fields, newField()] });
            }}
          >
            {words.procedures.addField}
          </button>
          <div className="actions save-bar">
            <button type="submit" id={SAVE} className="button" aria-describedby={SAVED} disabled={busy}>
              {words.frame.save}
            </button>
            <p role="status" id={SAVED}>
              {saved !== null && !busy && words.procedures.published(saved)}
            </p>
          </div>
        </form>
        <Preview draft={draft} edited={edited} />
      </div>
    </DeskPage>
  );
}

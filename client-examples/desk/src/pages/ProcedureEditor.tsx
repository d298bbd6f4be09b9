import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { messagesAt, Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Labelled, LabelledGroup } from "@espace-citoyens/kit/form/Labelled.tsx";
import { DeskProcedure, type DeskProcedureQuery, SaveProcedure } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { useLocation } from "wouter";
import { Absent } from "../Absent.tsx";
import { DeskPage } from "../DeskPage.tsx";
import { useFrame } from "../frame.tsx";
import {
  draftOf,
  helpPath,
  inputOf,
  newField,
  newProcedure,
  type ProcedureDraft,
  readableSpan,
  STEPS,
  unreadable,
} from "../procedures/draft.ts";
import { FieldEditor } from "../procedures/FieldEditor.tsx";
import { NEW } from "../procedures/new.ts";
import { Preview } from "../procedures/Preview.tsx";
import { useUnsaved } from "../useUnsaved.ts";
import { useWords } from "../wording.ts";

const ADD = "add-a-field";
/** The input that a problem is about: what is wrong inside a condition or an option is told where all of them are typed. */
const INPUT = /^fields\.\d+\.(?:type\.\w+\.\w+|\w+)/;

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
  const [draft, setDraft] = useState<ProcedureDraft>(() =>
    read ? draftOf(read) : newProcedure(categories[0]?.slug ?? ""),
  );
  const [version, setVersion] = useState(read?.version ?? null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const unsaved = useUnsaved(words.procedures.leave);
  const set = (changed: Partial<ProcedureDraft>) => {
    unsaved.current = true;
    onSaved(null);
    setDraft((before) => ({ ...before, ...changed }));
  };
  const setField = (id: string, changed: object) =>
    set({ fields: draft.fields.map((field) => (field.id === id ? { ...field, ...changed } : field)) });
  // What an administrator goes on with, once it is there: the focus is not lost with what moved or is gone.
  const goOn = useRef<string | null>(null);
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
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const spans = [draft.estimatedDays, draft.retentionMonths];
    if (!spans.every(readableSpan) || draft.fields.some((field) => unreadable(field).length > 0)) {
      setProblem({ code: "VALIDATION", message: words.procedures.unreadable, fields: [] });
      return;
    }
    const { success, problem } = await save({
      input: { ...inputOf(draft), id: read?.id ?? null, version: read ? version : null },
    });
    setProblem(
      problem && {
        ...problem,
        message: problem.code === "CONFLICT" ? words.procedures.conflict : problem.message,
        fields: problem.fields.map(({ path, message }) => ({ path: INPUT.exec(path)?.[0] ?? path, message })),
      },
    );
    if (!success) return;
    unsaved.current = false;
    setVersion(success.procedure.version);
    onSaved(success.procedure.version);
    frame.reloadProcedures();
    if (!read) navigate(`/demarches/${success.procedure.slug}`, { replace: true });
  };
  const at = (path: string) => messagesAt(problem?.fields ?? [], path);
  const labels = Object.fromEntries(
    (problem?.fields ?? []).flatMap(({ path }) => {
      const position = /^fields\.(\d+)/.exec(path)?.[1];
      if (position === undefined) return [];
      return [[path, draft.fields[Number(position)]?.label || words.procedures.field(Number(position) + 1)]];
    }),
  );
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
        <form onSubmit={send} noValidate>
          <ProblemNotice problem={problem} labels={labels} />
          {saved !== null && <Notice kind="success">{words.procedures.published(saved)}</Notice>}
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
              messages={at(helpPath(draft, step) ?? `stepHelp.${step}`)}
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
              problems={problem?.fields ?? []}
              onChange={(changed) => setField(field.id, changed)}
              onMove={(by, button) => moveField(position, by, button)}
              onRemove={() => {
                goOn.current = ADD;
                rearrange(draft.fields.filter((each) => each.id !== field.id));
              }}
            />
          ))}
          <div className="actions">
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
            <button type="submit" className="button" disabled={busy}>
              {words.frame.save}
            </button>
          </div>
        </form>
        <Preview draft={draft} />
      </div>
    </DeskPage>
  );
}

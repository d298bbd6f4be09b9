import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { messagesAt } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import type { FieldProblem } from "@espace-citoyens/kit/outcome.ts";
import { useEffect, useState } from "react";
import { useWords } from "../wording.ts";
import { CONDITIONS, type FieldDraft, KINDS, type Kind, unreadable } from "./draft.ts";
import { unreadableText } from "./problems.ts";

interface Properties {
  field: FieldDraft;
  position: number;
  /** Those of the whole procedure: each is shown at its part. */
  problems: readonly FieldProblem[];
  onChange: (changed: Partial<FieldDraft>) => void;
  onMove: (by: -1 | 1, button: string) => void;
  onRemove: () => void;
}

type TextPart = {
  [Part in keyof FieldDraft]: FieldDraft[Part] extends string ? Part : never;
}[keyof FieldDraft];

/** One field of a form as an administrator writes it: folded to its name, unfolded where it is new or wrong. */
export function FieldEditor({ field, position, problems, onChange, onMove, onRemove }: Properties) {
  const words = useWords().procedures;
  const base = `fields.${position}`;
  const wrong = unreadable(field);
  const name = field.label || words.field(position + 1);
  const [open, setOpen] = useState(field.label === "" || field.key === "");
  // Once for each answer: it may be folded again.
  useEffect(() => {
    if (messagesAt(problems, base).length > 0) setOpen(true);
  }, [problems, base]);
  const text = (
    part: TextPart,
    label: string,
    path: string,
    options: { multiline?: boolean; help?: string } = {},
  ) => (
    <Labelled
      path={`${base}.${path}`}
      label={label}
      help={options.help}
      messages={[
        ...new Set([
          ...messagesAt(problems, `${base}.${path}`),
          ...wrong.filter((each) => each.path === path).map((each) => unreadableText(each, words)),
        ]),
      ]}
    >
      {(described) =>
        options.multiline ? (
          <textarea
            {...described}
            rows={3}
            value={field[part]}
            onChange={(event) => onChange({ [part]: event.target.value })}
          />
        ) : (
          <input
            {...described}
            value={field[part]}
            onChange={(event) => onChange({ [part]: event.target.value })}
          />
        )
      }
    </Labelled>
  );
  const check = (part: "required" | "multiline" | "integer" | "multiple", label: string) => (
    <label className="option">
      <input
        type="checkbox"
        checked={field[part]}
        onChange={(event) => onChange({ [part]: event.target.checked })}
      />
      {label}
    </label>
  );
  return (
    <fieldset className="card field-editor" data-field={field.id}>
      <legend>{words.field(position + 1)}</legend>
      <div className="icon-buttons">
        <button
          type="button"
          id={`${field.id}-up`}
          className="button-icon"
          onClick={() => onMove(-1, `${field.id}-up`)}
        >
          <Icon name="up" label={words.up(name)} />
        </button>
        <button
          type="button"
          id={`${field.id}-down`}
          className="button-icon"
          onClick={() => onMove(1, `${field.id}-down`)}
        >
          <Icon name="down" label={words.down(name)} />
        </button>
        <button type="button" className="button-icon" onClick={onRemove}>
          <Icon name="remove" label={words.removeField(name)} />
        </button>
      </div>
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <strong>{name}</strong>{" "}
          <span className="quiet">
            {words.types[field.kind]}
            {field.required && `, ${words.required.toLowerCase()}`}
          </span>
        </summary>
        <div className="side-by-side">
          {text("label", words.label, "label")}
          {text("key", words.key, "key")}
          <Labelled path={`${base}.type`} label={words.type}>
            {(described) => (
              <select
                {...described}
                value={field.kind}
                onChange={(event) => onChange({ kind: event.target.value as Kind })}
              >
                {KINDS.map((kind) => (
                  <option key={kind} value={kind}>
                    {words.types[kind]}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
        </div>
        {check("required", words.required)}
        {text("help", words.fieldHelp, "help")}
        {field.kind === "text" && (
          <>
            {check("multiline", words.multiline)}
            <div className="side-by-side">
              {text("maxLength", words.maxLength, "type.text.maxLength")}
              {text("pattern", words.pattern, "type.text.pattern")}
            </div>
          </>
        )}
        {field.kind === "number" && (
          <>
            {check("integer", words.integer)}
            <div className="side-by-side">
              {text("minimum", words.minimum, "type.number.minimum")}
              {text("maximum", words.maximum, "type.number.maximum")}
            </div>
          </>
        )}
        {field.kind === "date" && (
          <div className="side-by-side">
            {text("earliest", words.earliest, "type.date.earliest")}
            {text("latest", words.latest, "type.date.latest")}
          </div>
        )}
        {field.kind === "choice" && (
          <>
            {check("multiple", words.multiple)}
            {text("options", words.options, "type.choice.options", {
              multiline: true,
              help: words.optionsHelp,
            })}
          </>
        )}
        {field.kind === "file" && text("maxFiles", words.maxFiles, "type.file.maxFiles")}
        {text("conditions", words.conditions, CONDITIONS, { multiline: true, help: words.conditionsHelp })}
      </details>
    </fieldset>
  );
}

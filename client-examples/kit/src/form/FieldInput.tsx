import { type ReactNode, useState } from "react";
import { messagesAt } from "../elements/Notice.tsx";
import { type Language, useWording } from "../language.tsx";
import type { AnswerValue } from "../operations.ts";
import type { FieldProblem } from "../outcome.ts";
import { AddressInput, NO_ADDRESS } from "./AddressInput.tsx";
import { useAfterPress } from "./afterPress.ts";
import type { FormField } from "./definition.ts";
import { Labelled, LabelledGroup, LONGEST_TYPED } from "./Labelled.tsx";
import { WORDING } from "./wording.ts";

const RADIOS_AT_MOST = 6;
/** Years have four digits in the API; a browser lets six be typed where nothing says so. */
const LAST_DAY = "9999-12-31";

/** What a browser may fill in by itself, by the key of the field (WCAG 1.3.5). */
const AUTOCOMPLETE: Record<string, string> = {
  firstName: "given-name",
  lastName: "family-name",
  birthDate: "bday",
  email: "email",
  mobilePhone: "tel",
  landlinePhone: "tel",
};

interface Properties {
  field: FormField;
  /** Of its label, its help and its options, where it is not that of the page. */
  language?: Language | undefined;
  value: AnswerValue | undefined;
  /** Undefined takes the answer back. */
  onChange: (value: AnswerValue | undefined) => void;
  problems: readonly FieldProblem[];
  /** What is shown for a field that files answer. */
  files: (field: Extract<FormField, { __typename: "FileField" }>) => ReactNode;
}

/** One field of a form, as its type asks for it. */
export function FieldInput({ field, language, value, onChange, problems, files }: Properties) {
  const about = {
    path: field.key,
    label: field.label,
    help: field.help,
    required: field.required,
    language,
    messages: messagesAt(problems, field.key),
  };
  const text = value?.text ?? "";
  const setText = (typed: string) => onChange(typed === "" ? undefined : { text: typed });
  switch (field.__typename) {
    case "TextField":
      return (
        <Labelled {...about}>
          {(described) =>
            field.multiline ? (
              <textarea
                {...described}
                rows={5}
                maxLength={LONGEST_TYPED}
                value={text}
                onChange={(event) => setText(event.target.value)}
              />
            ) : (
              <input
                {...described}
                maxLength={LONGEST_TYPED}
                autoComplete={AUTOCOMPLETE[field.key]}
                value={text}
                onChange={(event) => setText(event.target.value)}
              />
            )
          }
        </Labelled>
      );
    case "EmailField":
      return (
        <Labelled {...about}>
          {(described) => (
            <input
              {...described}
              type="email"
              maxLength={LONGEST_TYPED}
              autoComplete={AUTOCOMPLETE[field.key] ?? "off"}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Labelled>
      );
    case "PhoneField":
      return (
        <Labelled {...about}>
          {(described) => (
            <input
              {...described}
              type="tel"
              maxLength={LONGEST_TYPED}
              autoComplete={AUTOCOMPLETE[field.key] ?? "off"}
              className="medium"
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Labelled>
      );
    case "NumberField":
      return <NumberInput about={about} integer={field.integer} value={value} onChange={onChange} />;
    case "DateField":
      return <DateInput about={about} field={field} value={value?.date} onChange={onChange} />;
    case "BooleanField":
      return <YesOrNo about={about} value={value?.boolean} onChange={(boolean) => onChange({ boolean })} />;
    case "ChoiceField":
      return (
        <Choices
          about={about}
          field={field}
          chosen={value?.choices ?? []}
          onChange={(choices) => onChange(choices.length > 0 ? { choices } : undefined)}
        />
      );
    case "AddressField":
      return (
        <AddressInput
          path={field.key}
          label={field.label}
          language={language}
          help={field.help}
          required={field.required}
          value={value?.address ?? NO_ADDRESS}
          onChange={(address) => onChange({ address })}
          problems={problems}
        />
      );
    case "FileField":
      return <LabelledGroup {...about}>{files(field)}</LabelledGroup>;
  }
}

interface About {
  path: string;
  label: string;
  help: string | null;
  required: boolean;
  language: Language | undefined;
  messages: string[];
}

/** What is no number is answered as it was typed: nothing is lost, and the server says that it is none. */
function NumberInput({
  about,
  integer,
  value,
  onChange,
}: {
  about: About;
  integer: boolean;
  value: AnswerValue | undefined;
  onChange: (value: AnswerValue | undefined) => void;
}) {
  const [typed, setTyped] = useState("");
  const asTyped = JSON.stringify(numberOf(typed)) === JSON.stringify(value);
  return (
    <Labelled {...about}>
      {(described) => (
        <input
          {...described}
          inputMode={integer ? "numeric" : "decimal"}
          className="short"
          maxLength={LONGEST_TYPED}
          value={asTyped ? typed : (value?.text ?? String(value?.number ?? "").replace(".", ","))}
          onChange={(event) => {
            setTyped(event.target.value);
            onChange(numberOf(event.target.value));
          }}
        />
      )}
    </Labelled>
  );
}

function numberOf(typed: string): AnswerValue | undefined {
  if (typed.trim() === "") return undefined;
  const number = Number(typed.replaceAll(/\s/g, "").replace(",", "."));
  return Number.isFinite(number) ? { number } : { text: typed };
}

function DateInput({
  about,
  field,
  value,
  onChange,
}: {
  about: About;
  field: Extract<FormField, { __typename: "DateField" }>;
  value: string | undefined;
  onChange: (value: AnswerValue | undefined) => void;
}) {
  const wording = useWording(WORDING);
  // A browser tells nobody what was typed of a day until it is one.
  const [half, setHalf] = useState(false);
  const afterPress = useAfterPress();
  return (
    <Labelled {...about} messages={half ? [wording.halfDate] : about.messages}>
      {(described) => (
        <input
          {...described}
          type="date"
          className="medium"
          autoComplete={AUTOCOMPLETE[field.key]}
          min={field.earliest ?? undefined}
          max={field.latest ?? LAST_DAY}
          value={value ?? ""}
          onBlur={({ target }) => afterPress(() => setHalf(target.validity.badInput))}
          onChange={(event) => {
            setHalf(false);
            onChange(event.target.value ? { date: event.target.value } : undefined);
          }}
        />
      )}
    </Labelled>
  );
}

function YesOrNo({
  about,
  value,
  onChange,
}: {
  about: About;
  value: boolean | undefined;
  onChange: (value: boolean) => void;
}) {
  const wording = useWording(WORDING);
  return (
    <LabelledGroup {...about}>
      {[true, false].map((each) => (
        <label key={String(each)} className="option">
          <input
            type="radio"
            name={`field-${about.path}`}
            checked={value === each}
            onChange={() => onChange(each)}
          />
          {each ? wording.yes : wording.no}
        </label>
      ))}
    </LabelledGroup>
  );
}

function Choices({
  about,
  field,
  chosen,
  onChange,
}: {
  about: About;
  field: Extract<FormField, { __typename: "ChoiceField" }>;
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}) {
  const wording = useWording(WORDING);
  if (!field.multiple && field.options.length > RADIOS_AT_MOST)
    return (
      <Labelled {...about}>
        {(described) => (
          <select
            {...described}
            value={chosen[0] ?? ""}
            onChange={(event) => onChange(event.target.value ? [event.target.value] : [])}
          >
            <option value="">{wording.choose}</option>
            {field.options.map((option) => (
              <option key={option.value} value={option.value} lang={about.language}>
                {option.label}
              </option>
            ))}
          </select>
        )}
      </Labelled>
    );
  return (
    <LabelledGroup {...about}>
      {field.options.map((option) => (
        <label key={option.value} className="option">
          <input
            type={field.multiple ? "checkbox" : "radio"}
            name={`field-${about.path}`}
            checked={chosen.includes(option.value)}
            onChange={(event) => {
              if (!field.multiple) onChange([option.value]);
              else if (event.target.checked) onChange([...chosen, option.value]);
              else onChange(chosen.filter((each) => each !== option.value));
            }}
          />
          <span lang={about.language}>{option.label}</span>
        </label>
      ))}
    </LabelledGroup>
  );
}

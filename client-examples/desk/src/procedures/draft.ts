import type { FormField } from "@espace-citoyens/kit/form/definition.ts";
import type {
  AppointmentPolicy,
  ConditionInput,
  ConditionOperator,
  DeskProcedureQuery,
  FieldTypeInput,
  FormFieldInput,
  ProcedureState,
  SaveProcedureInput,
  StepKind,
} from "@espace-citoyens/kit/operations.ts";

type Read = NonNullable<DeskProcedureQuery["procedure"]>;

export const KINDS = [
  "text",
  "number",
  "date",
  "boolean",
  "choice",
  "email",
  "phone",
  "address",
  "file",
] as const;
export type Kind = (typeof KINDS)[number];

const TYPENAMES: Record<Kind, FormField["__typename"]> = {
  text: "TextField",
  number: "NumberField",
  date: "DateField",
  boolean: "BooleanField",
  choice: "ChoiceField",
  email: "EmailField",
  phone: "PhoneField",
  address: "AddressField",
  file: "FileField",
};
export const STEPS: StepKind[] = ["PROCEDURE", "APPOINTMENT", "CONTACT", "FORM", "SUMMARY"];
/** As many digits as the API takes. */
const WHOLE = /^\d{1,9}$/;
const DECIMAL = /^-?\d+([.,]\d+)?$/;
/** The path of a field's conditions, below the field. */
export const CONDITIONS = "visibleWhen";
const OPERATORS = ["EQUALS", "NOT_EQUALS", "IN", "GREATER_THAN", "LESS_THAN", "IS_ANSWERED"];

/** A field as it is typed: all in text, so that half a number is no loss. */
export interface FieldDraft {
  id: string;
  key: string;
  label: string;
  help: string;
  kind: Kind;
  required: boolean;
  conditions: string;
  multiline: boolean;
  maxLength: string;
  pattern: string;
  minimum: string;
  maximum: string;
  integer: boolean;
  earliest: string;
  latest: string;
  options: string;
  multiple: boolean;
  mediaTypes: readonly string[];
  maxFiles: string;
}

export interface ProcedureDraft {
  slug: string;
  title: string;
  category: string;
  summary: string;
  body: string;
  keywords: string;
  requiresAccount: boolean;
  state: ProcedureState;
  appointment: AppointmentPolicy;
  schedules: readonly string[];
  estimatedDays: string;
  retentionMonths: string;
  help: Partial<Record<StepKind, string>>;
  fields: readonly FieldDraft[];
}

export function newField(): FieldDraft {
  return {
    id: crypto.randomUUID(),
    key: "",
    label: "",
    help: "",
    kind: "text",
    required: false,
    conditions: "",
    multiline: false,
    maxLength: "",
    pattern: "",
    minimum: "",
    maximum: "",
    integer: false,
    earliest: "",
    latest: "",
    options: "",
    multiple: false,
    mediaTypes: [],
    maxFiles: "1",
  };
}

export function newProcedure(category: string): ProcedureDraft {
  return {
    slug: "",
    title: "",
    category,
    summary: "",
    body: "",
    keywords: "",
    requiresAccount: false,
    state: "DRAFT",
    appointment: "NONE",
    schedules: [],
    estimatedDays: "",
    retentionMonths: "",
    help: {},
    fields: [],
  };
}

export function draftOf(procedure: Read): ProcedureDraft {
  const form = procedure.steps.find((step) => step.kind === "FORM");
  return {
    slug: procedure.slug,
    title: procedure.title,
    category: procedure.category.slug,
    summary: procedure.summary,
    body: procedure.steps.find((step) => step.kind === "PROCEDURE")?.body ?? "",
    keywords: procedure.keywords.join(", "),
    requiresAccount: procedure.requiresAccount,
    state: procedure.state,
    appointment: procedure.appointment,
    schedules: procedure.schedules.map((schedule) => schedule.id),
    estimatedDays: procedure.estimatedDays?.toString() ?? "",
    retentionMonths: procedure.ownRetentionMonths?.toString() ?? "",
    help: Object.fromEntries(procedure.steps.flatMap(({ kind, help }) => (help ? [[kind, help]] : []))),
    fields: (form?.fields ?? []).map(fieldDraftOf),
  };
}

function fieldDraftOf(field: FormField): FieldDraft {
  const kind = KINDS.find((each) => TYPENAMES[each] === field.__typename) ?? "text";
  const text = (value: string | number | null) => value?.toString() ?? "";
  return {
    ...newField(),
    key: field.key,
    label: field.label,
    help: field.help ?? "",
    kind,
    required: field.required,
    conditions: field.visibleWhen
      .map((condition) => [condition.field, condition.operator, condition.values.join(", ")].join(" ").trim())
      .join("\n"),
    ...(field.__typename === "TextField" && {
      multiline: field.multiline,
      maxLength: text(field.maxLength),
      pattern: field.pattern ?? "",
    }),
    ...(field.__typename === "NumberField" && {
      minimum: text(field.minimum),
      maximum: text(field.maximum),
      integer: field.integer,
    }),
    ...(field.__typename === "DateField" && {
      earliest: field.earliest ?? "",
      latest: field.latest ?? "",
    }),
    ...(field.__typename === "ChoiceField" && {
      options: field.options.map(({ value, label }) => `${value} = ${label}`).join("\n"),
      multiple: field.multiple,
    }),
    ...(field.__typename === "FileField" && {
      mediaTypes: field.acceptedMediaTypes,
      maxFiles: text(field.maxFiles),
    }),
  };
}

const NUMBERS = {
  text: { maxLength: WHOLE },
  number: { minimum: DECIMAL, maximum: DECIMAL },
  file: { maxFiles: WHOLE },
} as const satisfies Partial<Record<Kind, Partial<Record<keyof FieldDraft, RegExp>>>>;

/** What was typed in a field that cannot be sent as what it is meant to be, by the path below the field. */
export function unreadable(field: FieldDraft): { path: string; text: string }[] {
  const numbers: Partial<Record<keyof FieldDraft, RegExp>> =
    field.kind in NUMBERS ? NUMBERS[field.kind as keyof typeof NUMBERS] : {};
  return [
    ...Object.entries(numbers).flatMap(([name, shape]) => {
      const part = name as keyof FieldDraft;
      const text = String(field[part]).trim();
      return text === "" || shape.test(text) ? [] : [{ path: `type.${field.kind}.${name}`, text }];
    }),
    ...lines(field.conditions).flatMap((line) =>
      conditionOf(line) === null ? [{ path: CONDITIONS, text: line }] : [],
    ),
  ];
}

/** Whether a span of time can be sent as it was typed. */
export function readableSpan(text: string): boolean {
  return text.trim() === "" || WHOLE.test(text.trim());
}

/** The steps that citizens will go through, in their order. */
export function stepsOf(draft: ProcedureDraft): StepKind[] {
  return STEPS.filter((step) => step !== "APPOINTMENT" || draft.appointment !== "NONE");
}

/** What was kept of a draft, in the shape that drafts have now. */
export function draftAgain(kept: Partial<ProcedureDraft>): ProcedureDraft {
  return {
    ...newProcedure(""),
    ...kept,
    fields: (kept.fields ?? []).map((field) => ({ ...newField(), ...field })),
  };
}

/** The steps that have a help, in the order in which it is sent. */
export function helps(draft: ProcedureDraft) {
  return Object.entries(draft.help).flatMap(([step, help]) =>
    help?.trim() ? [{ step: step as StepKind, help }] : [],
  );
}

export function inputOf(draft: ProcedureDraft): SaveProcedureInput {
  return {
    slug: draft.slug.trim(),
    title: draft.title,
    category: draft.category,
    summary: draft.summary,
    body: draft.body,
    keywords: draft.keywords
      .split(",")
      .map((keyword) => keyword.trim())
      .filter(Boolean),
    requiresAccount: draft.requiresAccount,
    state: draft.state,
    appointment: draft.appointment,
    schedules: draft.appointment === "NONE" ? [] : [...draft.schedules],
    estimatedDays: whole(draft.estimatedDays),
    retentionMonths: whole(draft.retentionMonths),
    stepHelp: helps(draft),
    fields: draft.fields.map(
      (field): FormFieldInput => ({
        key: field.key.trim(),
        label: field.label,
        help: field.help.trim() || null,
        required: field.required,
        visibleWhen: lines(field.conditions).flatMap((line) => conditionOf(line) ?? []),
        type: typeOf(field),
      }),
    ),
  };
}

/** The field as citizens will see it. */
export function previewOf(field: FieldDraft): FormField {
  const common = {
    key: field.key || field.id,
    label: field.label || "—",
    help: field.help || null,
    required: field.required,
    visibleWhen: lines(field.conditions).flatMap((line) => {
      const condition = conditionOf(line);
      return condition ? [{ ...condition, values: condition.values ?? [] }] : [];
    }) as FormField["visibleWhen"],
  };
  switch (field.kind) {
    case "text":
      return {
        __typename: "TextField",
        ...common,
        multiline: field.multiline,
        maxLength: whole(field.maxLength),
        pattern: field.pattern || null,
      };
    case "number":
      return {
        __typename: "NumberField",
        ...common,
        minimum: decimal(field.minimum),
        maximum: decimal(field.maximum),
        integer: field.integer,
      };
    case "date":
      return {
        __typename: "DateField",
        ...common,
        earliest: field.earliest || null,
        latest: field.latest || null,
      };
    case "choice":
      return { __typename: "ChoiceField", ...common, multiple: field.multiple, options: optionsOf(field) };
    case "file":
      return {
        __typename: "FileField",
        ...common,
        acceptedMediaTypes: [...field.mediaTypes],
        maxFiles: whole(field.maxFiles) ?? 1,
      };
    case "boolean":
      return { __typename: "BooleanField", ...common };
    case "email":
      return { __typename: "EmailField", ...common };
    case "phone":
      return { __typename: "PhoneField", ...common };
    case "address":
      return { __typename: "AddressField", ...common };
  }
}

function typeOf(field: FieldDraft): FieldTypeInput {
  switch (field.kind) {
    case "text":
      return {
        text: {
          multiline: field.multiline,
          maxLength: whole(field.maxLength),
          pattern: field.pattern || null,
        },
      };
    case "number":
      return {
        number: {
          minimum: decimal(field.minimum),
          maximum: decimal(field.maximum),
          integer: field.integer,
        },
      };
    case "date":
      return { date: { earliest: field.earliest || null, latest: field.latest || null } };
    case "choice":
      return { choice: { options: optionsOf(field), multiple: field.multiple } };
    case "file":
      return { file: { acceptedMediaTypes: [...field.mediaTypes], maxFiles: whole(field.maxFiles) ?? 1 } };
    case "boolean":
      return { boolean: true };
    case "email":
      return { email: true };
    case "phone":
      return { phone: true };
    case "address":
      return { address: true };
  }
}

function optionsOf(field: FieldDraft) {
  return lines(field.options).map((line) => {
    const [value = "", ...label] = line.split("=");
    return { value: value.trim(), label: label.join("=").trim() || value.trim() };
  });
}

function conditionOf(line: string): ConditionInput | null {
  const [field, operator, ...rest] = line.split(/\s+/);
  if (!field || !operator || !OPERATORS.includes(operator)) return null;
  const values = rest
    .join(" ")
    .split(",")
    .map((value) => value.trim())
    .filter(Boolean);
  return { field, operator: operator as ConditionOperator, values };
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

function whole(text: string): number | null {
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) ? null : number;
}

function decimal(text: string): number | null {
  const number = Number.parseFloat(text.replace(",", "."));
  return Number.isNaN(number) ? null : number;
}

import type { FieldProblem } from "@espace-citoyens/kit/outcome.ts";
import type { useWords } from "../wording.ts";
import { helps, type ProcedureDraft, readableSpan, unreadable } from "./draft.ts";

type Words = ReturnType<typeof useWords>["procedures"];

/** The input that a problem is about: what is wrong inside a condition or an option is told where all of them are typed. */
const INPUT = /^(?:fields\.\d+\.(?:type\.\w+\.\w+|\w+)|keywords|schedules)/;
const SPANS = ["estimatedDays", "retentionMonths"] as const;
const HELP = /^stepHelp\.(\d+)/;

/** Where the server's problem is to be mended on the page, as a path of its inputs. */
export function atInput({ path, message }: FieldProblem, sent: ProcedureDraft): FieldProblem {
  const step = helps(sent)[Number(HELP.exec(path)?.[1])]?.step;
  return { path: step ? `help.${step}` : (INPUT.exec(path)?.[0] ?? path), message };
}

/** What was typed and cannot be sent at all. */
export function unreadableIn(draft: ProcedureDraft, words: Words): FieldProblem[] {
  const spans = SPANS.filter((part) => !readableSpan(draft[part])).map((part) => ({
    path: part,
    message: words.wrongNumber(draft[part]),
  }));
  const fields = draft.fields.flatMap((field, position) =>
    unreadable(field).map((each) => ({
      path: `fields.${position}.${each.path}`,
      message: unreadableText(each, words),
    })),
  );
  return [...spans, ...fields];
}

export function unreadableText({ path, text }: { path: string; text: string }, words: Words): string {
  return (path.startsWith("type.") ? words.wrongNumber : words.wrongCondition)(text);
}

/** What the input of that path is called, in a list of what is wrong. */
export function inputName(path: string, draft: ProcedureDraft, words: Words): string | undefined {
  const [first, second = "", ...others] = path.split(".");
  if (first === "help") return words.help(words.steps[second as keyof typeof words.steps]);
  if (first !== "fields") return namesIn(words)[first as keyof ReturnType<typeof namesIn>];
  const position = Number(second);
  const name = draft.fields[position]?.label || words.field(position + 1);
  const part = partsIn(words)[others.at(-1) as keyof ReturnType<typeof partsIn>];
  return part ? `${name}, ${part}` : name;
}

const namesIn = (words: Words) => ({
  slug: words.address,
  title: words.name,
  category: words.category,
  summary: words.summary,
  body: words.body,
  keywords: words.keywords,
  state: words.state,
  appointment: words.appointment,
  schedules: words.schedules,
  estimatedDays: words.estimatedDays,
  retentionMonths: words.retention,
});

const partsIn = (words: Words) => ({
  key: words.key,
  label: words.label,
  help: words.fieldHelp,
  visibleWhen: words.conditions,
  maxLength: words.maxLength,
  pattern: words.pattern,
  minimum: words.minimum,
  maximum: words.maximum,
  earliest: words.earliest,
  latest: words.latest,
  options: words.options,
  maxFiles: words.maxFiles,
});

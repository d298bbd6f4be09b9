import type { AnswerValue, ProcedurePageQuery } from "../operations.ts";

/** A field of a form, as the API describes it. */
export type FormField = NonNullable<ProcedurePageQuery["procedure"]>["steps"][number]["fields"][number];

/** What was typed so far: keys of fields, values as `AnswerInput` takes them. Absent: not answered. */
export type Answers = Readonly<Record<string, AnswerValue | undefined>>;

import { dayOf, readableDay } from "@espace-citoyens/kit/dates.ts";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import { DeskFigures, type DeskFiguresQuery } from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { DeskPage } from "../DeskPage.tsx";
import { ProcedureSearch } from "../procedures/ProcedureSearch.tsx";
import { sought } from "../procedures/sought.ts";
import { useSteps } from "../useSteps.ts";
import { useWords } from "../wording.ts";

const DAYS = 56;
/** Procedures at once: each has a row for every week. */
const STEP = 20;
const COLUMNS = 4;

type Figures = NonNullable<DeskFiguresQuery["desk"]>["figures"][number];

/** What waits, what came and was answered each week, and how long answers took: where most waits, first. */
export default function FiguresPage() {
  const { figures: words, inbox } = useWords();
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  const [from, setFrom] = useState(() => dayOf(new Date(Date.now() - DAYS * 24 * 3600 * 1000)));
  const [to, setTo] = useState(() => dayOf(new Date()));
  const [{ data, error }, execute] = useQuery({ query: DeskFigures, variables: { from, to } });
  const [typed, setTyped] = useState("");
  const figures = data?.desk?.figures;
  const found = sought(figures ?? [], typed, ({ procedure }) => procedure.title);
  const sorted = [...found].sort((one, other) => other.waiting - one.waiting);
  const steps = useSteps<Figures, HTMLTableElement>(sorted, STEP, "th a");
  return (
    <DeskPage title={words.title}>
      <div className="filters">
        {(
          [
            ["from", words.from, from, setFrom],
            ["to", words.to, to, setTo],
          ] as const
        ).map(([path, label, value, set]) => (
          <Labelled key={path} path={path} label={label}>
            {(described) => (
              <input
                {...described}
                type="date"
                value={value}
                onChange={(event) => event.target.value && set(event.target.value)}
              />
            )}
          </Labelled>
        ))}
      </div>
      {!figures && (
        <Waiting
          error={error}
          nobody={data?.desk === null}
          onTryAgain={() => execute({ requestPolicy: "network-only" })}
        />
      )}
      {figures?.length === 0 && <p>{words.none}</p>}
      {figures && figures.length > 0 && (
        <search>
          <ProcedureSearch
            path="recherche"
            typed={typed}
            onType={(text) => {
              setTyped(text);
              steps.beginAgain();
            }}
            found={found.length}
          />
        </search>
      )}
      {found.length > 0 && (
        <table ref={steps.list} className="requests-table figures">
          <caption>{words.caption}</caption>
          <thead>
            <tr>
              {[words.week, words.received, words.answered, words.median].map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          {steps.shown.map(({ procedure, waiting, weeks }) => (
            <tbody key={procedure.id}>
              <tr>
                <th scope="rowgroup" colSpan={COLUMNS}>
                  <Link href={`/?demarche=${encodeURIComponent(procedure.id)}`}>{procedure.title}</Link>{" "}
                  <span className="quiet">
                    {words.waiting}
                    {colon}
                    {waiting}
                  </span>
                </th>
              </tr>
              {weeks.map((week) => (
                <tr key={week.start}>
                  <th scope="row" data-label={words.week}>
                    <time dateTime={week.start}>{readableDay(`${week.start}T12:00:00Z`, language)}</time>
                  </th>
                  <td data-label={words.received}>{week.received}</td>
                  <td data-label={words.answered}>{week.answered}</td>
                  <td data-label={words.median}>
                    {week.medianHours === null ? "—" : words.hours(week.medianHours)}
                  </td>
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      )}
      {steps.showMore && (
        <button type="button" className="button-second" onClick={steps.showMore}>
          {inbox.more}
        </button>
      )}
    </DeskPage>
  );
}

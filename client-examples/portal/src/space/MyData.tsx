import { readableInstant } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Notice, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { readableSize } from "@espace-citoyens/kit/files/FileLink.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import { MyDataExport, RequestDataExport } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { useWords } from "../wording.ts";

const LOOK_AGAIN_MILLISECONDS = 3000;

/** All that the mairie holds of somebody, as one file: asked for, made, downloaded. */
export function MyData() {
  const words = useWords();
  const { language } = useLanguage();
  const [{ data, fetching }, execute] = useQuery({ query: MyDataExport, requestPolicy: "network-only" });
  const [ask, busy] = useChange(RequestDataExport, (answer) => answer.requestDataExport);
  const [problem, setProblem] = useState<Problem | null>(null);
  const made = data?.me?.dataExport ?? null;
  const pending = made?.state === "PENDING";
  useEffect(() => {
    if (!pending || fetching) return;
    const timer = setTimeout(() => {
      execute({ requestPolicy: "network-only" });
    }, LOOK_AGAIN_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [pending, fetching, execute]);
  return (
    <section>
      <h2>{words.data.title}</h2>
      <p>{words.data.text}</p>
      <ProblemNotice problem={problem} />
      <div role="status">
        {pending && <p>{words.data.pending}</p>}
        {made?.state === "FAILED" && <p className="alarming">{words.data.failed}</p>}
        {made?.state === "EXPIRED" && <p>{words.data.expired}</p>}
        {made?.state === "READY" && made.file?.url && (
          <Notice kind="success">
            <p>
              <a href={made.file.url} download={made.file.name}>
                {words.data.download}
              </a>{" "}
              <span className="quiet">{readableSize(made.file.size, language)}</span>
            </p>
            {made.expiresAt && <p>{words.data.until(readableInstant(made.expiresAt, language))}</p>}
          </Notice>
        )}
      </div>
      {!pending && (
        <button
          type="button"
          className="button-second"
          disabled={busy}
          onClick={async () => {
            const { problem } = await ask({});
            setProblem(problem);
            execute({ requestPolicy: "network-only" });
          }}
        >
          {words.data.ask}
        </button>
      )}
    </section>
  );
}

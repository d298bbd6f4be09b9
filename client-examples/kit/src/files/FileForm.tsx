import { type FormEvent, type ReactNode, useState } from "react";
import { useDoor } from "../door.tsx";
import { Dialog } from "../elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "../elements/Notice.tsx";
import { Labelled } from "../form/Labelled.tsx";
import { useLanguage, useWording } from "../language.tsx";
import type { FileSource } from "../operations.ts";
import type { Problem } from "../outcome.ts";
import { readableSize } from "./FileLink.tsx";
import { SendingError, sourceOf } from "./sending.ts";
import { WORDING } from "./wording.ts";

export interface Limits {
  maxFileBytes: number;
  acceptedMediaTypes: readonly string[];
}

interface Properties {
  heading: string;
  limits: Limits;
  /** Without a file the form changes a piece that is there: then only its title has to be given. */
  fileRequired: boolean;
  title?: string;
  /** What else is asked of a piece; what was wrong there is said at its field. */
  children?: (problem: Problem | null) => ReactNode;
  /** Null: done, the form closes. */
  onSave: (source: FileSource | null, title: string) => Promise<Problem | null>;
  onClose: () => void;
}

/** Where the server says what is wrong with a file. */
const OF_THE_FILE = ["file", "source", "upload", "resumableUpload", "field"];

/** Adds or changes a piece: its title and its file, sent in pieces where it is large. */
export function FileForm({
  heading,
  limits,
  fileRequired,
  title = "",
  children,
  onSave,
  onClose,
}: Properties) {
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  const { ticket } = useDoor();
  const [file, setFile] = useState<File | null>(null);
  // Until somebody has given it one, a piece is called what its file is.
  const [given, setGiven] = useState(title || null);
  const typed = given ?? file?.name.replace(/\.[^.]+$/, "") ?? "";
  const [progress, setProgress] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const fail = (message: string) =>
    setProblem({ code: "VALIDATION", message, fields: [{ path: "file", message }] });
  const at = (path: string) => messagesAt(problem?.fields ?? [], path);
  const atFile = problem?.code === "FILE_REJECTED" ? [problem.message] : OF_THE_FILE.flatMap(at);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (progress !== null) return;
    if (file === null && fileRequired) return fail(wording.chooseFile);
    if (file !== null && file.size > limits.maxFileBytes)
      return fail(wording.tooLarge(readableSize(limits.maxFileBytes, language)));
    setProgress(0);
    setProblem(null);
    try {
      const source = file === null ? null : await sourceOf(file, { ticket, language }, setProgress);
      const refused = await onSave(source, typed.trim());
      setProblem(refused);
      if (refused === null) onClose();
    } catch (error) {
      if (!(error instanceof SendingError)) throw error;
      fail(error.message || wording.notSent);
    } finally {
      setProgress(null);
    }
  };
  const types = limits.acceptedMediaTypes.map((type) => type.split("/").pop()?.toUpperCase()).join(", ");
  return (
    <Dialog title={heading} onClose={onClose}>
      <form onSubmit={save} noValidate>
        <ProblemNotice problem={problem} />
        <Labelled
          path="file"
          label={fileRequired ? wording.file : wording.replaceFile}
          help={wording.fileHelp(types, readableSize(limits.maxFileBytes, language))}
          required={fileRequired}
          messages={atFile}
        >
          {(described) => (
            <input
              {...described}
              type="file"
              accept={limits.acceptedMediaTypes.join(",")}
              onChange={(event) => setFile(event.target.files?.[0] ?? null)}
            />
          )}
        </Labelled>
        <Labelled path="title" label={wording.pieceTitle} messages={at("title")}>
          {(described) => (
            <input
              {...described}
              maxLength={200}
              value={typed}
              onChange={(event) => setGiven(event.target.value)}
            />
          )}
        </Labelled>
        {children?.(problem)}
        {progress !== null && <progress aria-label={wording.sending} value={progress || undefined} />}
        <div className="actions">
          <button type="submit" className="button" disabled={progress !== null}>
            {wording.save}
          </button>
          <button type="button" className="button-quiet" onClick={onClose}>
            {wording.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

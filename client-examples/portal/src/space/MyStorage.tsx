import { readableDay } from "@espace-citoyens/kit/dates.ts";
import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { useScans } from "@espace-citoyens/kit/files/Attachments.tsx";
import { FileForm } from "@espace-citoyens/kit/files/FileForm.tsx";
import { FileLink, readableSize } from "@espace-citoyens/kit/files/FileLink.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { useLanguage } from "@espace-citoyens/kit/language.tsx";
import {
  AddStoredDocument,
  DeleteStoredDocument,
  type DocumentKind,
  type FileSource,
  StorageSpace,
  type StorageSpaceQuery,
  UpdateStoredDocument,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import { useQuery } from "urql";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";

type Document = NonNullable<StorageSpaceQuery["me"]>["storage"]["documents"]["nodes"][number];

/** Mon espace de stockage: pieces to see, add, change and delete. */
export function MyStorage() {
  const words = useWords();
  const { language } = useLanguage();
  const [{ data, error }, execute] = useQuery({
    query: StorageSpace,
    variables: {},
    requestPolicy: "network-only",
  });
  const [opened, setOpened] = useState<"new" | Document | null>(null);
  const [removing, setRemoving] = useState<Document | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [remove] = useChange(DeleteStoredDocument, (answer) => answer.deleteStoredDocument);
  const reload = () => execute({ requestPolicy: "network-only" });
  const storage = data?.me?.storage;
  useScans(storage?.documents.nodes ?? [], reload);
  if (!storage) return <Waiting error={error} nobody={data?.me === null} onTryAgain={reload} />;
  return (
    <>
      <p>{words.space.storageText}</p>
      <p>
        <meter aria-label={words.space.storage} min={0} max={storage.quotaBytes} value={storage.usedBytes} />{" "}
        {words.space.used(
          readableSize(storage.usedBytes, language),
          readableSize(storage.quotaBytes, language),
        )}
      </p>
      <button type="button" className="button" onClick={() => setOpened("new")}>
        {words.space.add}
      </button>
      <ProblemNotice problem={problem} />
      {storage.documents.nodes.length === 0 ? (
        <p>{words.space.empty}</p>
      ) : (
        <ul className="plain documents">
          {storage.documents.nodes.map((document) => (
            <li key={document.id} className="card">
              <div>
                <p>
                  <strong>{document.title}</strong>
                </p>
                <FileLink file={document.file} />
                <p className="quiet">
                  {words.space.kinds[document.kind]}
                  {document.validUntil &&
                    ` – ${words.space.validUntilShort(readableDay(`${document.validUntil}T12:00:00Z`, language))}`}
                </p>
              </div>
              <span className="icon-buttons">
                <button type="button" className="button-icon" onClick={() => setOpened(document)}>
                  <Icon name="edit" label={words.space.edit(document.title)} />
                </button>
                <button type="button" className="button-icon" onClick={() => setRemoving(document)}>
                  <Icon name="remove" label={words.space.remove(document.title)} />
                </button>
              </span>
            </li>
          ))}
        </ul>
      )}
      {opened !== null && (
        <DocumentForm
          document={opened === "new" ? null : opened}
          onClose={() => setOpened(null)}
          onSaved={reload}
        />
      )}
      {removing && (
        <Dialog title={words.space.removeTitle(removing.title)} onClose={() => setRemoving(null)}>
          <p>{words.space.removeText}</p>
          <div className="actions">
            <button
              type="button"
              className="button"
              onClick={async () => {
                const { problem } = await remove({ document: removing.id });
                setProblem(problem);
                setRemoving(null);
                reload();
              }}
            >
              {words.space.removeIt}
            </button>
            <button type="button" className="button-quiet" onClick={() => setRemoving(null)}>
              {words.frame.cancel}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function DocumentForm({
  document,
  onClose,
  onSaved,
}: {
  document: Document | null;
  onClose: () => void;
  onSaved: () => void;
}) {
  const words = useWords();
  const { municipality } = useFrame();
  const [kind, setKind] = useState<DocumentKind>(document?.kind ?? "OTHER");
  const [validUntil, setValidUntil] = useState(document?.validUntil ?? "");
  const [add] = useChange(AddStoredDocument, (answer) => answer.addStoredDocument);
  const [update] = useChange(UpdateStoredDocument, (answer) => answer.updateStoredDocument);
  const save = async (source: FileSource | null, title: string): Promise<Problem | null> => {
    const given = {
      upload: source?.upload,
      resumableUpload: source?.resumableUpload,
      title: title || undefined,
      kind,
    };
    const { success, problem } =
      document === null
        ? await add({ input: { ...given, validUntil: validUntil || null } })
        : await update({ input: { ...given, document: document.id, validUntil: validUntil || null } });
    if (success) onSaved();
    return problem;
  };
  return (
    <FileForm
      heading={document === null ? words.space.add : words.space.edit(document.title)}
      limits={municipality.upload}
      fileRequired={document === null}
      title={document?.title ?? ""}
      onSave={save}
      onClose={onClose}
    >
      {(problem) => (
        <>
          <Labelled path="kind" label={words.space.kind} messages={messagesAt(problem?.fields ?? [], "kind")}>
            {(described) => (
              <select
                {...described}
                value={kind}
                onChange={(event) => setKind(event.target.value as DocumentKind)}
              >
                {Object.entries(words.space.kinds).map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
          <Labelled
            path="validUntil"
            label={words.space.validUntil}
            messages={messagesAt(problem?.fields ?? [], "validUntil")}
          >
            {(described) => (
              <input
                {...described}
                type="date"
                className="medium"
                value={validUntil}
                onChange={(event) => setValidUntil(event.target.value)}
              />
            )}
          </Labelled>
        </>
      )}
    </FileForm>
  );
}

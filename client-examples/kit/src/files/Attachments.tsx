import { useEffect, useRef, useState } from "react";
import { useChange } from "../door.tsx";
import { useAnnounce } from "../elements/Announcer.tsx";
import { Dialog } from "../elements/Dialog.tsx";
import { Icon } from "../elements/Icon.tsx";
import { ProblemNotice } from "../elements/Notice.tsx";
import { MUNICIPALITY_LANGUAGE, useWording } from "../language.tsx";
import {
  AddAttachment,
  type FileSource,
  RemoveAttachment,
  ReplaceAttachment,
  type RequestDraftQuery,
} from "../operations.ts";
import type { Problem } from "../outcome.ts";
import { PUNCTUATION } from "../punctuation.ts";
import { FileForm, type Limits } from "./FileForm.tsx";
import { FileLink } from "./FileLink.tsx";
import { WORDING } from "./wording.ts";

const SCAN_MILLISECONDS = 2000;

export type Attachment = NonNullable<RequestDraftQuery["request"]>["attachments"][number] & {
  addedBy?: string;
};

interface Properties {
  request: string;
  attachments: readonly Attachment[];
  limits: Limits;
  /** The field of the form that they answer. */
  field?: { key: string; acceptedMediaTypes: readonly string[]; maxFiles: number };
  /** By the key of a field, what it asks: said beside each piece that answers one. */
  labels?: Readonly<Record<string, string>>;
  mayAdd: boolean;
  /** Opens the choice of a piece of the storage space; null where there is none. */
  chooseStored: ((choose: (document: string) => void, close: () => void) => React.ReactNode) | null;
  onChange: () => void;
}

/** Pieces of a request: shown, added from the device or the storage space, changed and removed. */
export function Attachments({
  request,
  attachments,
  limits,
  field,
  labels = {},
  mayAdd,
  chooseStored,
  onChange,
}: Properties) {
  const wording = useWording(WORDING);
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const [opened, setOpened] = useState<"add" | "stored" | Attachment | null>(null);
  const [removing, setRemoving] = useState<Attachment | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [add] = useChange(AddAttachment, (data) => data.addAttachment);
  const [replace] = useChange(ReplaceAttachment, (data) => data.replaceAttachment);
  const [remove] = useChange(RemoveAttachment, (data) => data.removeAttachment);
  useScans(attachments, onChange);
  const close = () => setOpened(null);
  const addSource = async (source: FileSource, title: string | null): Promise<Problem | null> => {
    const { success, problem } = await add({ request, source, title, field: field?.key ?? null });
    if (success) {
      announce(wording.added(success.attachment.title));
      onChange();
    }
    return problem;
  };
  const full = field !== undefined && attachments.length >= field.maxFiles;
  const accepted = field?.acceptedMediaTypes.length ? field.acceptedMediaTypes : limits.acceptedMediaTypes;
  return (
    <div className="attachments">
      <ProblemNotice problem={problem} />
      {attachments.length === 0 ? (
        <p className="quiet">{wording.none}</p>
      ) : (
        <ul>
          {attachments.map((attachment) => (
            <li key={attachment.id}>
              <FileLink file={attachment.file} title={attachment.title} />
              {attachment.field && labels[attachment.field] && (
                <span className="quiet" lang={MUNICIPALITY_LANGUAGE}>
                  {labels[attachment.field]}
                </span>
              )}
              {attachment.addedBy === "MUNICIPALITY" && (
                <span className="quiet"> {wording.addedByMunicipality}</span>
              )}
              {attachment.editable && (
                <span className="icon-buttons">
                  <button type="button" className="button-icon" onClick={() => setOpened(attachment)}>
                    <Icon name="edit" label={`${wording.change}${colon}${attachment.title}`} />
                  </button>
                  <button type="button" className="button-icon" onClick={() => setRemoving(attachment)}>
                    <Icon name="remove" label={`${wording.remove}${colon}${attachment.title}`} />
                  </button>
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {mayAdd && !full && (
        <div className="actions">
          <button type="button" className="button-second" onClick={() => setOpened("add")}>
            {wording.add}
          </button>
          {chooseStored && (
            <button type="button" className="button-second" onClick={() => setOpened("stored")}>
              {wording.addFromStorage}
            </button>
          )}
        </div>
      )}
      {opened === "add" && (
        <FileForm
          heading={wording.add}
          limits={{ ...limits, acceptedMediaTypes: accepted }}
          fileRequired
          onSave={(source, title) =>
            source === null ? Promise.resolve(null) : addSource(source, title || null)
          }
          onClose={close}
        />
      )}
      {opened === "stored" &&
        chooseStored?.(async (storedDocument) => {
          close();
          setProblem(await addSource({ storedDocument }, null));
        }, close)}
      {opened !== null && typeof opened === "object" && (
        <FileForm
          heading={`${wording.change}${colon}${opened.title}`}
          limits={{ ...limits, acceptedMediaTypes: accepted }}
          fileRequired={false}
          title={opened.title}
          onSave={async (source, title) => {
            const answer = await replace({ attachment: opened.id, source, title: title || null });
            if (answer.success) onChange();
            return answer.problem;
          }}
          onClose={close}
        />
      )}
      {removing && (
        <Dialog title={wording.confirmRemove(removing.title)} onClose={() => setRemoving(null)}>
          <div className="actions">
            <button
              type="button"
              className="button"
              onClick={async () => {
                const { problem } = await remove({ attachment: removing.id });
                setRemoving(null);
                setProblem(problem);
                onChange();
              }}
            >
              {wording.remove}
            </button>
            <button type="button" className="button-quiet" onClick={() => setRemoving(null)}>
              {wording.cancel}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

/** Asks again while a piece is being checked: a good verdict is no event. */
export function useScans(pieces: readonly { file: { scan: string } }[], onLook: () => void) {
  const pending = pieces.some((piece) => piece.file.scan === "PENDING");
  const look = useRef(onLook);
  look.current = onLook;
  useEffect(() => {
    if (!pending) return;
    const timer = setInterval(() => look.current(), SCAN_MILLISECONDS);
    return () => clearInterval(timer);
  }, [pending]);
}

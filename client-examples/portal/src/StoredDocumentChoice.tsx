import { Busy } from "@espace-citoyens/kit/elements/Busy.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { WORDING } from "@espace-citoyens/kit/files/wording.ts";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { StorageSpace } from "@espace-citoyens/kit/operations.ts";
import { useQuery } from "urql";
import { useWords } from "./wording.ts";

/** Ajouter depuis mon espace de stockage. */
export function StoredDocumentChoice({
  onChoose,
  onClose,
}: {
  onChoose: (document: string) => void;
  onClose: () => void;
}) {
  const words = useWords();
  const wording = useWording(WORDING);
  const [{ data }] = useQuery({ query: StorageSpace, variables: {}, requestPolicy: "network-only" });
  const documents = data?.me?.storage.documents.nodes;
  return (
    <Dialog title={wording.choosePiece} onClose={onClose}>
      {documents === undefined && <Busy />}
      {documents?.length === 0 && <p>{wording.emptyStorage}</p>}
      {documents && documents.length > 0 && (
        <ul className="plain">
          {documents.map((document) => (
            <li key={document.id}>
              <button type="button" className="button-quiet" onClick={() => onChoose(document.id)}>
                {document.title}
              </button>{" "}
              <span className="quiet">{words.space.kinds[document.kind]}</span>
            </li>
          ))}
        </ul>
      )}
      <div className="actions">
        <button type="button" className="button-quiet" onClick={onClose}>
          {wording.cancel}
        </button>
      </div>
    </Dialog>
  );
}

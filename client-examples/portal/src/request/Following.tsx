import { useDoor } from "@espace-citoyens/kit/door.tsx";
import { Icon } from "@espace-citoyens/kit/elements/Icon.tsx";
import { Attachments } from "@espace-citoyens/kit/files/Attachments.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { Exchanges } from "@espace-citoyens/kit/request/Exchanges.tsx";
import { HistoryPages } from "@espace-citoyens/kit/request/History.tsx";
import { labelsByField } from "@espace-citoyens/kit/request/Summary.tsx";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { useFrame } from "../frame.tsx";
import { StoredDocumentChoice } from "../StoredDocumentChoice.tsx";
import { useWords } from "../wording.ts";
import { Appointments } from "./Appointments.tsx";
import type { Request } from "./RequestView.tsx";

/** Onglet Suivi: Historique, Échanges, Pièces jointes, and Rendez-vous where there is or may be one. */
export function Following({ request, reload }: { request: Request; reload: () => void }) {
  const words = useWords();
  const wording = useWording(WORDING);
  const { me, municipality } = useFrame();
  const { ticket } = useDoor();
  const may = (action: Request["permittedActions"][number]) => request.permittedActions.includes(action);
  return (
    <>
      <section>
        <h2>{words.request.history}</h2>
        <HistoryPages request={request.id} first={request.history} />
      </section>
      <section>
        <h2>
          {words.request.exchanges}
          {request.unreadExchangeCount > 0 && (
            <span className="to-read">
              {" "}
              <Icon name="received-unread" /> {wording.toRead}
            </span>
          )}
        </h2>
        <Exchanges
          request={request.id}
          side="citizen"
          exchanges={request.exchanges.nodes}
          pageInfo={request.exchanges.pageInfo}
          mayPost={may("POST_EXCHANGE")}
          onChange={reload}
        />
      </section>
      <section>
        <h2>{words.request.attachments}</h2>
        <Attachments
          request={request.id}
          attachments={request.attachments}
          limits={municipality.upload}
          labels={labelsByField(request.summary)}
          mayAdd={may("ADD_ATTACHMENT")}
          chooseStored={
            me && ticket === null
              ? (choose, close) => <StoredDocumentChoice onChoose={choose} onClose={close} />
              : null
          }
          onChange={reload}
        />
      </section>
      {(request.appointments.length > 0 || may("BOOK_APPOINTMENT")) && (
        <section>
          <h2>{words.request.appointments}</h2>
          <Appointments request={request} reload={reload} />
        </section>
      )}
    </>
  );
}

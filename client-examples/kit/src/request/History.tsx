import { readableInstant } from "../dates.ts";
import { useLanguage, useWording } from "../language.tsx";
import { WORDING } from "./wording.ts";

interface Event {
  id: string;
  occurredAt: string;
  description: string;
}

/** What happened on a request, the latest last. */
export function History({ events, onMore }: { events: readonly Event[]; onMore?: (() => void) | null }) {
  const wording = useWording(WORDING);
  const { language } = useLanguage();
  if (events.length === 0) return <p className="quiet">{wording.noHistory}</p>;
  return (
    <>
      <ol className="history">
        {events.map((event) => (
          <li key={event.id}>
            <time dateTime={event.occurredAt}>{readableInstant(event.occurredAt, language)}</time>
            <span>{event.description}</span>
          </li>
        ))}
      </ol>
      {onMore && (
        <button type="button" className="button-quiet" onClick={onMore}>
          {wording.moreHistory}
        </button>
      )}
    </>
  );
}

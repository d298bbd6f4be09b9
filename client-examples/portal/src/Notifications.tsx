import { useFollow } from "@espace-citoyens/kit/door.tsx";
import { useAnnounce } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { Count } from "@espace-citoyens/kit/elements/Count.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { Notifications as Subscription } from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useState } from "react";
import { useFrame } from "./frame.tsx";
import { useWords } from "./wording.ts";

/** How many exchanges wait to be read, live; what happens is announced. */
export function Notifications() {
  const words = useWords();
  const { colon } = useWording(PUNCTUATION);
  const announce = useAnnounce();
  const { me } = useFrame();
  const [unread, setUnread] = useState(me?.unreadExchangeCount ?? 0);
  useFollow(Subscription, me ? { after: null as string | null } : null, ({ notifications }, variables) => {
    variables.after = notifications.cursor;
    setUnread(notifications.unreadExchangeCount);
    const { event } = notifications;
    // The page of the request itself tells it, in more words.
    const here = event && location.pathname.includes(event.request.id);
    if (event && event.actor !== "CITIZEN" && !here)
      announce(`${event.request.procedure.title}${colon}${event.description}`);
  });
  return <Count count={unread} label={words.frame.unread(unread)} />;
}

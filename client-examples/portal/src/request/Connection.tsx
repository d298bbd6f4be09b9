import { useDoor } from "@espace-citoyens/kit/door.tsx";
import { Notice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import { WORDING } from "@espace-citoyens/kit/request/wording.ts";
import { useEffect, useState } from "react";

const PATIENCE_MILLISECONDS = 4000;

/** Says that what happens does not come in for now. */
export function Connection() {
  const wording = useWording(WORDING);
  const { live } = useDoor();
  const [lost, setLost] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = live.watch((connected) => {
      clearTimeout(timer);
      if (connected) setLost(false);
      else timer = setTimeout(() => setLost(true), PATIENCE_MILLISECONDS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [live]);
  return lost ? <Notice kind="warning">{wording.interrupted}</Notice> : null;
}

import { useEffect, useState } from "react";
import { useDoor } from "../door.tsx";
import { Notice } from "../elements/Notice.tsx";
import { useWording } from "../language.tsx";
import { WORDING } from "./wording.ts";

const PATIENCE_MILLISECONDS = 4000;

/** Says that what happens does not come in for now, or, `behind`, that it could not be read. */
export function Connection({ behind = false }: { behind?: boolean }) {
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
  return lost || behind ? <Notice kind="warning">{wording.interrupted}</Notice> : null;
}

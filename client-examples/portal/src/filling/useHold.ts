import { WORDING } from "@espace-citoyens/kit/appointment/wording.ts";
import { useChange, useRead } from "@espace-citoyens/kit/door.tsx";
import { useWording } from "@espace-citoyens/kit/language.tsx";
import {
  BookAppointment,
  type BookAppointmentMutation,
  FirstAvailable,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { useState } from "react";
import type { Draft } from "./useDraft.ts";

type Held = Extract<
  BookAppointmentMutation["bookAppointment"],
  { __typename: "BookAppointmentSuccess" }
>["appointment"];
export interface NextSlot {
  id: string;
  start: string;
}

/** Holding a slot for a draft: the one that is named, or the first that is free. What is held then; null: `problem` says why. */
export function useHold(draft: Draft, reload: () => Promise<void>) {
  const wording = useWording(WORDING);
  const read = useRead();
  const [book, busy] = useChange(BookAppointment, (data) => data.bookAppointment);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [next, setNext] = useState<NextSlot | null>(null);
  const hold = async (slot: string): Promise<Held | null> => {
    const { success, problem, refusal } = await book({ request: draft.id, slot });
    setProblem(problem);
    setNext(refusal?.__typename === "SlotUnavailableError" ? refusal.nextAvailable : null);
    await reload();
    return success?.appointment ?? null;
  };
  const holdFirst = async (): Promise<Held | null> => {
    const { data, problem } = await read(FirstAvailable, { procedure: draft.procedure.slug, after: null });
    const first = data?.procedure?.firstAvailableSlot;
    if (first) return hold(first.id);
    setNext(null);
    setProblem(problem ?? { code: "NOT_FOUND", message: wording.noFirst, fields: [] });
    return null;
  };
  return { hold, holdFirst, busy, problem, setProblem, next };
}

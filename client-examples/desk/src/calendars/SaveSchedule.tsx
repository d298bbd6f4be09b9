import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { AddressInput as Address, NO_ADDRESS } from "@espace-citoyens/kit/form/AddressInput.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import {
  type AddressInput,
  type DeskFrameQuery,
  SaveSchedule as Save,
} from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";

export type Schedule = NonNullable<DeskFrameQuery["desk"]>["schedules"][number];

/** The address as the API takes it back: with nothing of what it is read with. */
function typedOf(schedule: Schedule | null): AddressInput {
  if (!schedule?.address) return NO_ADDRESS;
  const { lines, postalCode, city, country } = schedule.address;
  return { lines: [...lines], postalCode, city, country };
}

/** Writes a schedule: a new one, or what one that is there is called and where it is. */
export function SaveSchedule({
  schedule,
  onClose,
  onSaved,
}: {
  schedule: Schedule | null;
  onClose: () => void;
  onSaved: (schedule: string) => void;
}) {
  const words = useWords();
  const frame = useFrame();
  const [save, busy] = useChange(Save, (data) => data.saveSchedule);
  const [title, setTitle] = useState(schedule?.title ?? "");
  const [place, setPlace] = useState(schedule?.place ?? "");
  const [address, setAddress] = useState(() => typedOf(schedule));
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await save({
      id: schedule?.id ?? null,
      title,
      place,
      // The country alone is no address.
      address: address.lines.length > 0 || address.postalCode || address.city ? address : null,
    });
    setProblem(problem);
    if (!success) return;
    frame.reload();
    onSaved(success.schedule.id);
    onClose();
  };
  const fields = problem?.fields ?? [];
  return (
    <Dialog title={schedule ? words.calendars.changeSchedule : words.calendars.newSchedule} onClose={onClose}>
      <form onSubmit={send} noValidate>
        {schedule && <p>{words.calendars.changeText}</p>}
        <ProblemNotice problem={problem} />
        <Labelled
          path="title"
          label={words.calendars.scheduleTitle}
          messages={messagesAt(fields, "title")}
          required
        >
          {(described) => (
            <input {...described} value={title} onChange={(event) => setTitle(event.target.value)} />
          )}
        </Labelled>
        <Labelled path="place" label={words.calendars.place} messages={messagesAt(fields, "place")} required>
          {(described) => (
            <input {...described} value={place} onChange={(event) => setPlace(event.target.value)} />
          )}
        </Labelled>
        <Address
          path="address"
          label={words.calendars.address}
          help={words.calendars.addressHelp}
          value={address}
          onChange={setAddress}
          problems={fields}
        />
        <Actions label={words.frame.save} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

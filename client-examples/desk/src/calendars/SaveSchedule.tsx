import { useChange } from "@espace-citoyens/kit/door.tsx";
import { Dialog } from "@espace-citoyens/kit/elements/Dialog.tsx";
import { messagesAt, ProblemNotice } from "@espace-citoyens/kit/elements/Notice.tsx";
import { Actions } from "@espace-citoyens/kit/form/Actions.tsx";
import { Labelled } from "@espace-citoyens/kit/form/Labelled.tsx";
import { SaveSchedule as Save } from "@espace-citoyens/kit/operations.ts";
import type { Problem } from "@espace-citoyens/kit/outcome.ts";
import { type FormEvent, useState } from "react";
import { useFrame } from "../frame.tsx";
import { useWords } from "../wording.ts";

/** Writes a schedule: a new one, or the name and place of one that is there. */
export function SaveSchedule({
  schedule,
  onClose,
  onSaved,
}: {
  schedule: { id: string; title: string; place: string } | null;
  onClose: () => void;
  onSaved: (schedule: string) => void;
}) {
  const words = useWords();
  const frame = useFrame();
  const [save, busy] = useChange(Save, (data) => data.saveSchedule);
  const [title, setTitle] = useState(schedule?.title ?? "");
  const [place, setPlace] = useState(schedule?.place ?? "");
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const { success, problem } = await save({ id: schedule?.id ?? null, title, place });
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
        <Actions label={words.frame.save} busy={busy} cancel={words.frame.cancel} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

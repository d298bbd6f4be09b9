import { Waiting } from "@espace-citoyens/kit/elements/Waiting.tsx";
import { DeskUnread } from "@espace-citoyens/kit/operations.ts";
import type { ReactNode } from "react";
import { useQuery } from "urql";
import { DeskPage } from "./DeskPage.tsx";

/** Says that there is nothing of that address, unless there is nothing because the session has ended: that leads to the log-in. */
export function Absent({ title, children }: { title: string; children: ReactNode }) {
  const [{ data, error }, execute] = useQuery({ query: DeskUnread, requestPolicy: "network-only" });
  if (data?.desk) return <DeskPage title={title}>{children}</DeskPage>;
  return (
    <Waiting
      error={error}
      nobody={data?.desk === null}
      onTryAgain={() => execute({ requestPolicy: "network-only" })}
    />
  );
}

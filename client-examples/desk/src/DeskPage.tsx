import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import type { ReactNode } from "react";
import { useFrame } from "./frame.tsx";

export function DeskPage({ title, children }: { title: string; children: ReactNode }) {
  const { municipality } = useFrame();
  return (
    <Page title={title} site={municipality.name}>
      {children}
    </Page>
  );
}

import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import type { ReactNode } from "react";
import { useFrame } from "./frame.tsx";

interface Properties {
  title: string;
  part?: string | undefined;
  lead?: ReactNode;
  children: ReactNode;
}

export function SitePage({ title, part, lead, children }: Properties) {
  const { municipality } = useFrame();
  return (
    <Page title={title} part={part} site={municipality.name} lead={lead}>
      {children}
    </Page>
  );
}

import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import type { ReactNode } from "react";
import { useFrame } from "./frame.tsx";

interface Properties {
  title: string;
  lead?: ReactNode;
  children: ReactNode;
}

export function SitePage({ title, lead, children }: Properties) {
  const { municipality } = useFrame();
  return (
    <Page title={title} site={municipality.name} lead={lead}>
      {children}
    </Page>
  );
}

import { Page } from "@espace-citoyens/kit/elements/Page.tsx";
import { MUNICIPALITY_LANGUAGE } from "@espace-citoyens/kit/language.tsx";
import type { ReactNode } from "react";
import { useFrame } from "./frame.tsx";

interface Properties {
  title: string;
  /** The title is a name that the municipality gave. */
  named?: boolean;
  part?: string | undefined;
  lead?: ReactNode;
  children: ReactNode;
}

export function SitePage({ title, named = false, part, lead, children }: Properties) {
  const { municipality } = useFrame();
  return (
    <Page
      title={title}
      titleLanguage={named ? MUNICIPALITY_LANGUAGE : undefined}
      part={part}
      site={municipality.name}
      lead={lead}
    >
      {children}
    </Page>
  );
}

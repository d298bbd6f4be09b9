import { MUNICIPALITY_LANGUAGE } from "../language.tsx";

interface Section {
  step: string;
  title: string;
  lines: readonly { field: string | null; label: string; value: string }[];
}

/** What the fields of the form ask that were answered, by their keys. */
export function labelsByField(sections: readonly Section[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { lines } of sections) for (const { field, label } of lines) if (field) labels[field] = label;
  return labels;
}

/** Le récapitulatif. */
export function Summary({
  sections,
  heading: Heading = "h2",
}: {
  sections: readonly Section[];
  heading?: "h2" | "h3";
}) {
  return sections.map((section) => (
    <section key={section.step} className="summary">
      <Heading>{section.title}</Heading>
      <dl>
        {section.lines.map((line) => (
          <div key={line.label + line.value}>
            <dt lang={line.field ? MUNICIPALITY_LANGUAGE : undefined}>{line.label}</dt>
            <dd>{line.value}</dd>
          </div>
        ))}
      </dl>
    </section>
  ));
}

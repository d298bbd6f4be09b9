interface Section {
  step: string;
  title: string;
  lines: readonly { label: string; value: string }[];
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
            <dt>{line.label}</dt>
            <dd>{line.value}</dd>
          </div>
        ))}
      </dl>
    </section>
  ));
}

interface Section {
  step: string;
  title: string;
  lines: readonly { label: string; value: string }[];
}

/** Le récapitulatif. */
export function Summary({ sections }: { sections: readonly Section[] }) {
  return sections.map((section) => (
    <section key={section.step} className="summary">
      <h3>{section.title}</h3>
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

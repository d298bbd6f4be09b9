interface Properties {
  value: string;
  label: string;
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

/** One of several that may be chosen together. */
export function Choice({ value, label, chosen, onChange }: Properties) {
  return (
    <label className="option">
      <input
        type="checkbox"
        checked={chosen.includes(value)}
        onChange={(event) =>
          onChange(event.target.checked ? [...chosen, value] : chosen.filter((each) => each !== value))
        }
      />
      {label}
    </label>
  );
}

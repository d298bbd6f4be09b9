interface Properties {
  /** What is done, as the button says it. */
  label: string;
  busy: boolean;
  /** How what was begun is left. */
  cancel: string;
  onCancel: () => void;
}

/** How a form ends: it is sent, or left. */
export function Actions({ label, busy, cancel, onCancel }: Properties) {
  return (
    <div className="actions">
      <button type="submit" className="button" disabled={busy}>
        {label}
      </button>
      <button type="button" className="button-quiet" onClick={onCancel}>
        {cancel}
      </button>
    </div>
  );
}

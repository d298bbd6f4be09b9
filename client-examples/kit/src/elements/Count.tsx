/** How many of something wait, beside what leads to them: the number to see, `label` to hear. Nothing where none does. */
export function Count({ count, label }: { count: number; label: string }) {
  if (count === 0) return null;
  return (
    <>
      {" "}
      <span className="count">
        <span aria-hidden="true">{count}</span>
        <span className="for-screen-readers">{label}</span>
      </span>
    </>
  );
}

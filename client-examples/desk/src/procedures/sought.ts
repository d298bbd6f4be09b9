/** Small letters without accents, in words. */
function words(text: string): string[] {
  const folded = text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();
  return folded.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
}

/** Those whose text has each word that is sought, or what was typed of it, in any order; all, where nothing is sought. */
export function sought<Item>(
  items: readonly Item[],
  typed: string,
  textOf: (item: Item) => string,
): readonly Item[] {
  const wanted = words(typed);
  if (wanted.length === 0) return items;
  return items.filter((item) => {
    const there = words(textOf(item));
    return wanted.every((word) => there.some((each) => each.startsWith(word)));
  });
}

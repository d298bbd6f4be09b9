/** A number in E.164 as people read it: a French one in pairs of digits. */
export function readablePhone(number: string): string {
  return number.replace(
    /^\+33(\d)((?:\d{2}){4})$/,
    (_, first, pairs) => `0${first}${pairs.replace(/../g, "\u00a0$&")}`,
  );
}

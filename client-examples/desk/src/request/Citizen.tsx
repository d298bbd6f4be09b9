import { readableDate } from "@espace-citoyens/kit/dates.ts";
import { readablePhone } from "@espace-citoyens/kit/form/phone.ts";
import { WORDING } from "@espace-citoyens/kit/form/wording.ts";
import { useLanguage, useWording } from "@espace-citoyens/kit/language.tsx";
import type { DeskRequestQuery } from "@espace-citoyens/kit/operations.ts";
import { PUNCTUATION } from "@espace-citoyens/kit/punctuation.ts";
import { useWords } from "../wording.ts";

type Contact = NonNullable<DeskRequestQuery["request"]>["contact"];

/** Who asks, and how to reach them. */
export function Citizen({ contact }: { contact: Contact }) {
  const words = useWords().request;
  const form = useWording(WORDING);
  const { colon } = useWording(PUNCTUATION);
  const { language } = useLanguage();
  if (contact === null) return null;
  const preferred = (method: string) =>
    contact.preferredContactMethod === method ? ` (${words.preferred})` : "";
  return (
    <section className="card">
      <h2>{words.citizen}</h2>
      <p>
        <strong>
          {contact.firstName} {contact.lastName}
        </strong>
      </p>
      <ul className="plain">
        {contact.email && (
          <li>
            <a href={`mailto:${contact.email}`}>{contact.email}</a>
            {preferred("EMAIL")}
          </li>
        )}
        {contact.mobilePhone && (
          <li>
            <a href={`tel:${contact.mobilePhone}`}>{readablePhone(contact.mobilePhone)}</a>
            {preferred("MOBILE_PHONE")}
          </li>
        )}
        {contact.landlinePhone && (
          <li>
            <a href={`tel:${contact.landlinePhone}`}>{readablePhone(contact.landlinePhone)}</a>
            {preferred("LANDLINE_PHONE")}
          </li>
        )}
        {contact.address && (
          <li>
            {[...contact.address.lines, `${contact.address.postalCode} ${contact.address.city}`].join(", ")}
            {preferred("POST")}
          </li>
        )}
        {contact.birthDate && (
          <li>
            {form.birthDate}
            {colon}
            {readableDate(contact.birthDate, language)}
          </li>
        )}
      </ul>
    </section>
  );
}

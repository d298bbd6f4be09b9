import { useMemo } from "react";
import { useWording } from "../language.tsx";
import type { AddressInput, Civility, ContactInput, ContactMethod } from "../operations.ts";
import { isStarted } from "./AddressInput.tsx";
import type { Answers, FormField } from "./definition.ts";
import { readablePhone } from "./phone.ts";
import { WORDING } from "./wording.ts";

const ALWAYS: FormField["visibleWhen"] = [];
const METHODS: ContactMethod[] = ["EMAIL", "MOBILE_PHONE", "LANDLINE_PHONE", "POST"];
const CIVILITIES: Civility[] = ["MADAME", "MONSIEUR"];

/** The fields of ContactInput, where no procedure gives them: those of an account. */
export function useContactFields(): FormField[] {
  const wording = useWording(WORDING);
  return useMemo(() => {
    const field = (key: keyof typeof wording, required = false, help: string | null = null) => ({
      key,
      label: wording[key],
      help,
      required,
      visibleWhen: ALWAYS,
    });
    const text = { multiline: false, maxLength: 100, pattern: null };
    const options = (values: (keyof typeof wording)[]) =>
      values.map((value) => ({ value, label: wording[value] }));
    return [
      { __typename: "ChoiceField", ...field("civility"), multiple: false, options: options(CIVILITIES) },
      { __typename: "TextField", ...field("firstName", true), ...text },
      { __typename: "TextField", ...field("lastName", true), ...text },
      { __typename: "DateField", ...field("birthDate"), earliest: null, latest: null },
      { __typename: "EmailField", ...field("email", true, wording.emailHelp) },
      { __typename: "PhoneField", ...field("mobilePhone", false, wording.phoneHelp) },
      { __typename: "PhoneField", ...field("landlinePhone", false, wording.phoneHelp) },
      { __typename: "AddressField", ...field("address") },
      {
        __typename: "ChoiceField",
        ...field("preferredContactMethod", true, wording.preferredContactMethodHelp),
        multiple: false,
        options: options(METHODS),
      },
    ];
  }, [wording]);
}

interface Contact {
  civility: Civility | null;
  firstName: string;
  lastName: string;
  birthDate: string | null;
  email: string | null;
  mobilePhone: string | null;
  landlinePhone: string | null;
  address: AddressInput | null;
  preferredContactMethod: ContactMethod;
}

/** Mes informations as answers to the fields that ask for them. */
export function answersOf(contact: Contact | null): Answers {
  if (contact === null) return {};
  const text = (value: string | null) => (value ? { text: value } : undefined);
  const phone = (number: string | null) => text(number && readablePhone(number));
  const address = contact.address;
  return {
    civility: contact.civility ? { choices: [contact.civility] } : undefined,
    firstName: text(contact.firstName),
    lastName: text(contact.lastName),
    birthDate: contact.birthDate ? { date: contact.birthDate } : undefined,
    email: text(contact.email),
    mobilePhone: phone(contact.mobilePhone),
    landlinePhone: phone(contact.landlinePhone),
    address: address
      ? {
          address: {
            lines: address.lines,
            postalCode: address.postalCode,
            city: address.city,
            country: address.country,
          },
        }
      : undefined,
    preferredContactMethod: { choices: [contact.preferredContactMethod] },
  };
}

/** The answers as ContactInput takes them: what is missing is left to the server to say. */
export function contactOf(answers: Answers): ContactInput {
  const text = (key: string) => answers[key]?.text?.trim() || null;
  const address = answers.address?.address;
  return {
    civility: (answers.civility?.choices?.[0] as Civility | undefined) ?? null,
    firstName: text("firstName") ?? "",
    lastName: text("lastName") ?? "",
    birthDate: answers.birthDate?.date ?? null,
    email: text("email"),
    mobilePhone: text("mobilePhone"),
    landlinePhone: text("landlinePhone"),
    address: address && isStarted(address) ? address : null,
    preferredContactMethod: (answers.preferredContactMethod?.choices?.[0] as ContactMethod) ?? "EMAIL",
  };
}

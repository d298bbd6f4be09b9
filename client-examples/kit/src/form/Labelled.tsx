import type { ReactNode } from "react";
import { type Language, useWording } from "../language.tsx";
import { WORDING } from "./wording.ts";

/** Far more than any field admits: the server says what is too long, and nothing is cut off unseen. More it would not read. */
export const LONGEST_TYPED = 10_000;

/** What an input takes so that a screen reader tells its help and its problems. */
export interface Described {
  id: string;
  required: boolean;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

export interface LabelledProperties {
  /** The key of the field, or the path of the input field: problems link to it. */
  path: string;
  label: ReactNode;
  help?: string | null | undefined;
  required?: boolean;
  messages?: readonly string[];
  /** Of the label and the help, where it is not that of the page. */
  language?: Language | undefined;
}

/** A label, its help, an input and what is wrong with it. */
export function Labelled({
  path,
  label,
  help,
  required = false,
  messages = [],
  language,
  children,
}: LabelledProperties & { children: (described: Described) => ReactNode }) {
  const id = `field-${path}`;
  const beside = helpBeside(messages, help);
  return (
    <div className={messages.length > 0 ? "field field-wrong" : "field"}>
      <label htmlFor={id}>
        <span lang={language}>{label}</span>
        {required && <Asterisk />}
      </label>
      <HelpAndMessages id={id} help={beside} messages={messages} language={language} />
      {children({
        id,
        required,
        "aria-invalid": messages.length > 0,
        "aria-describedby": describedBy(id, beside, messages),
      })}
    </div>
  );
}

/** The same for several inputs that answer one question. */
export function LabelledGroup({
  path,
  label,
  help,
  required = false,
  messages = [],
  language,
  children,
}: LabelledProperties & { children: ReactNode }) {
  const id = `field-${path}`;
  const beside = helpBeside(messages, help);
  return (
    <fieldset
      id={id}
      tabIndex={-1}
      className={messages.length > 0 ? "field field-wrong" : "field"}
      aria-describedby={describedBy(id, beside, messages)}
    >
      <legend>
        <span lang={language}>{label}</span>
        {required && <Asterisk />}
      </legend>
      <HelpAndMessages id={id} help={beside} messages={messages} language={language} />
      {children}
    </fieldset>
  );
}

export function Asterisk() {
  const wording = useWording(WORDING);
  return (
    <>
      {" "}
      <span className="asterisk" aria-hidden="true">
        *
      </span>
      <span className="for-screen-readers">({wording.required})</span>
    </>
  );
}

function HelpAndMessages({
  id,
  help,
  messages,
  language,
}: {
  id: string;
  help?: string | null | undefined;
  messages: readonly string[];
  language: Language | undefined;
}) {
  return (
    <>
      {help ? (
        <p className="field-help" id={`${id}-help`} lang={language}>
          {help}
        </p>
      ) : null}
      {messages.length > 0 && (
        <ul className="field-messages" id={`${id}-messages`}>
          {messages.map((message) => (
            <li key={message}>{message}</li>
          ))}
        </ul>
      )}
    </>
  );
}

/** The help, unless a message says it again. */
function helpBeside(messages: readonly string[], help: string | null | undefined): string | null {
  return help && !messages.some((message) => message.startsWith(help)) ? help : null;
}

function describedBy(
  id: string,
  help: string | null | undefined,
  messages: readonly string[],
): string | undefined {
  const ids = [help ? `${id}-help` : "", messages.length > 0 ? `${id}-messages` : ""].filter(Boolean);
  return ids.join(" ") || undefined;
}

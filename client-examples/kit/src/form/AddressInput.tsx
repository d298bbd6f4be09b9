import { useMemo } from "react";
import { messagesAt } from "../elements/Notice.tsx";
import { type Language, useLanguage, useWording } from "../language.tsx";
import type { AddressInput as Address } from "../operations.ts";
import type { FieldProblem } from "../outcome.ts";
import { Labelled, LabelledGroup, LONGEST_TYPED } from "./Labelled.tsx";
import { WORDING } from "./wording.ts";

const HOME = "FR";
const COUNTRIES =
  "AD AE AF AL AM AO AR AT AU AZ BA BD BE BF BG BI BJ BO BR BY CA CD CF CG CH CI CL CM CN CO CR CU CV CY CZ DE DJ DK DO DZ EC EE EG ES ET FI GA GB GE GH GN GQ GR GT GW HN HR HT HU IE IL IN IQ IR IS IT JO JP KE KH KM KR KW KZ LA LB LK LT LU LV LY MA MC MD ME MG MK ML MN MR MT MU MX MY MZ NE NG NL NO NP NZ OM PE PH PK PL PS PT PY QA RO RS RU RW SA SC SD SE SG SI SK SM SN SY TD TG TH TN TR TW TZ UA UG US UY UZ VE VN YE ZA ZM ZW".split(
    " ",
  );
export const NO_ADDRESS: Address = { lines: [], postalCode: "", city: "", country: HOME };

/** Whether anything of it was typed: a country alone, which is there from the start, is no address. */
export function isStarted(address: Address): boolean {
  return [...address.lines, address.postalCode, address.city].some((part) => part.trim() !== "");
}

export function AddressInput({
  path,
  label,
  language: ofLabel,
  help,
  required = false,
  value,
  onChange,
  problems,
}: {
  path: string;
  label: string;
  language?: Language | undefined;
  help?: string | null;
  required?: boolean;
  value: Address;
  onChange: (address: Address) => void;
  problems: readonly FieldProblem[];
}) {
  const { language } = useLanguage();
  const wording = useWording(WORDING);
  const countries = useMemo(() => {
    const names = new Intl.DisplayNames(language, { type: "region" });
    const { compare } = new Intl.Collator(language);
    const others = COUNTRIES.map((code) => ({ code, name: names.of(code) ?? code }));
    others.sort((one, other) => compare(one.name, other.name));
    return [{ code: HOME, name: names.of(HOME) ?? HOME }, ...others];
  }, [language]);
  const own = problems.filter((problem) => problem.path === path).map((problem) => problem.message);
  const at = (part: string) => messagesAt(problems, `${path}.${part}`);
  const ofSecond = at("lines.1");
  const setLine = (index: number, line: string) => {
    const lines = [value.lines[0] ?? "", value.lines[1] ?? "", ...value.lines.slice(2)];
    lines[index] = line;
    while (lines.length > 0 && lines.at(-1) === "") lines.pop();
    onChange({ ...value, lines });
  };
  return (
    <LabelledGroup
      path={path}
      label={label}
      language={ofLabel}
      help={help}
      required={required}
      messages={own}
    >
      <Labelled
        path={`${path}.lines`}
        label={wording.addressLine}
        messages={at("lines").filter((message) => !ofSecond.includes(message))}
        required={required}
      >
        {(described) => (
          <input
            {...described}
            autoComplete="address-line1"
            maxLength={LONGEST_TYPED}
            value={value.lines[0] ?? ""}
            onChange={(event) => setLine(0, event.target.value)}
          />
        )}
      </Labelled>
      <Labelled path={`${path}.lines.1`} label={wording.addressSecondLine} messages={ofSecond}>
        {(described) => (
          <input
            {...described}
            autoComplete="address-line2"
            maxLength={LONGEST_TYPED}
            value={value.lines[1] ?? ""}
            onChange={(event) => setLine(1, event.target.value)}
          />
        )}
      </Labelled>
      <div className="side-by-side">
        <Labelled
          path={`${path}.postalCode`}
          label={wording.postalCode}
          messages={at("postalCode")}
          required={required}
        >
          {(described) => (
            <input
              {...described}
              autoComplete="postal-code"
              className="short"
              maxLength={LONGEST_TYPED}
              value={value.postalCode}
              onChange={(event) => onChange({ ...value, postalCode: event.target.value })}
            />
          )}
        </Labelled>
        <Labelled path={`${path}.city`} label={wording.city} messages={at("city")} required={required}>
          {(described) => (
            <input
              {...described}
              autoComplete="address-level2"
              maxLength={LONGEST_TYPED}
              value={value.city}
              onChange={(event) => onChange({ ...value, city: event.target.value })}
            />
          )}
        </Labelled>
      </div>
      <Labelled path={`${path}.country`} label={wording.country} messages={at("country")}>
        {(described) => (
          <select
            {...described}
            autoComplete="country"
            value={value.country}
            onChange={(event) => onChange({ ...value, country: event.target.value })}
          >
            {countries.map(({ code, name }) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Labelled>
    </LabelledGroup>
  );
}

import { useLanguage, useWording } from "../language.tsx";
import type { ScanState } from "../operations.ts";
import { WORDING } from "./wording.ts";

interface Shown {
  name: string;
  size: number;
  scan: ScanState;
  url?: string | null;
  preview?: string | null;
}

/** A file that can be opened once it was scanned; until then, or where a virus was found, what is to be known of it. */
export function FileLink({ file, title }: { file: Shown; title?: string }) {
  const { language } = useLanguage();
  const wording = useWording(WORDING);
  const name = title ?? file.name;
  if (file.scan === "CLEAN" && file.url)
    return (
      <span className="file">
        {file.preview ? <img src={file.preview} alt="" loading="lazy" /> : null}
        <a href={file.url} target="_blank" rel="noreferrer">
          {name}
          <span className="for-screen-readers"> ({wording.newWindow})</span>
        </a>{" "}
        <span className="quiet">{readableSize(file.size, language)}</span>
      </span>
    );
  const state =
    file.scan === "INFECTED" ? wording.infected : file.scan === "FAILED" ? wording.failed : wording.pending;
  return (
    <span className="file">
      {name}{" "}
      <span className={file.scan === "PENDING" ? "quiet" : "alarming"} role="status">
        {state}
      </span>
    </span>
  );
}

/** 1,4 Mo; 35 Ko. */
export function readableSize(bytes: number, language: string): string {
  const units = language === "fr" ? ["octets", "Ko", "Mo", "Go"] : ["bytes", "KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const digits = power > 1 ? 1 : 0;
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(
    bytes / 1024 ** power,
  );
  return `${number} ${units[power]}`;
}

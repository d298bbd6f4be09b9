import type { ButtonHTMLAttributes } from "react";

interface Properties extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** There is nothing to press it for now. */
  idle: boolean;
}

/** A button that keeps the focus while it is idle: one that is disabled would lose it to the page. */
export function SteadyButton({ idle, onClick, ...others }: Properties) {
  return (
    <button
      {...others}
      aria-disabled={idle}
      onClick={(event) => (idle ? event.preventDefault() : onClick?.(event))}
    />
  );
}

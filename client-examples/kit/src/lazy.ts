import { type ComponentType, createElement, lazy } from "react";

type Load<Properties> = () => Promise<{ default: ComponentType<Properties> }>;

/** The parts that could not be loaded, each made anew by its own function: React remembers a failure for ever. */
const failed = new Set<() => void>();

/**
 * A part of a site that is loaded once it is shown.
 *
 * One that is gone, because a new release took its place under an open page, has the page loaded again, once. Any other
 * failure is thrown for the MishapBoundary above.
 */
export function lazily<Properties extends object>(load: Load<Properties>): ComponentType<Properties> {
  const loadOrReload: Load<Properties> = async () => {
    try {
      return await load();
    } catch (error) {
      failed.add(make);
      if (reloadedHere() || !(await isServed())) throw error;
      history.replaceState({ ...history.state, reloaded: true }, "");
      location.reload();
      // The page is on its way out.
      return new Promise(() => {});
    }
  };
  let part: ComponentType<Properties> = lazy(loadOrReload);
  const make = () => {
    part = lazy(loadOrReload);
  };
  return (properties) => createElement(part, properties);
}

/** What has failed is loaded anew when it is shown next. Not to be called while it is being shown. */
export function forgetFailures(): void {
  for (const make of failed) make();
  failed.clear();
}

/** Whether the server answers for this page: loading it again would leave nothing, if not. */
export async function isServed(): Promise<boolean> {
  try {
    const { ok } = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    return ok;
  } catch (error) {
    console.info("The server cannot be reached", error);
    return false;
  }
}

/** Kept in the page's entry of the history: no storage that may be forbidden, and no other page is meant. */
function reloadedHere(): boolean {
  return history.state?.reloaded === true;
}

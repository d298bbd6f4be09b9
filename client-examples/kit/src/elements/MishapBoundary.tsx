import { Component, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { type Language, useWording } from "../language.tsx";
import { forgetFailures, isServed } from "../lazy.ts";
import { Busy } from "./Busy.tsx";
import { ProblemNotice } from "./Notice.tsx";
import { Page } from "./Page.tsx";
import { TryAgain } from "./TryAgain.tsx";

const fr = {
  title: "Page indisponible",
  message: "Cette page n’a pas pu être affichée. Vérifiez votre connexion, puis réessayez.",
};

const en: typeof fr = {
  title: "Page unavailable",
  message: "This page could not be shown. Check your connection, then try again.",
};

const WORDING: Record<Language, typeof fr> = { fr, en };

interface Properties {
  /** The address of the page: another one is shown whatever happened to this one. */
  path: string;
  site: string;
  children: ReactNode;
}

/** A page while it is loaded, and what stands in for one that could not be loaded or drawn, inside the frame, which leads elsewhere as ever. */
export class MishapBoundary extends Component<Properties, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch() {
    forgetFailures();
  }

  override componentDidUpdate(before: Properties) {
    if (this.state.failed && before.path !== this.props.path) this.goOn();
  }

  goOn = () => this.setState({ failed: false });

  override render() {
    if (this.state.failed) return <Mishap site={this.props.site} onGoOn={this.goOn} />;
    return <Suspense fallback={<Busy />}>{this.props.children}</Suspense>;
  }
}

function Mishap({ site, onGoOn }: { site: string; onGoOn: () => void }) {
  const wording = useWording(WORDING);
  const [tried, setTried] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once more each time that it was tried in vain
  const problem = useMemo(
    () => ({ code: "NETWORK", message: wording.message, fields: [] }),
    [wording, tried],
  );
  useEffect(() => {
    addEventListener("online", onGoOn);
    return () => removeEventListener("online", onGoOn);
  }, [onGoOn]);
  const tryAgain = async () => {
    // Browsers may remember a script that failed, too: only a page that is loaded anew is sure to ask again.
    if (await isServed()) location.reload();
    else setTried((before) => before + 1);
  };
  return (
    <Page title={wording.title} site={site}>
      <ProblemNotice problem={problem}>
        <TryAgain onClick={tryAgain} />
      </ProblemNotice>
    </Page>
  );
}

import { useFrame } from "./frame.tsx";
import { keepWayBack, wayBack } from "./wayBack.ts";

interface Properties {
  /** What the link of a provider says. */
  label: (provider: string) => string;
  /** What stands above the links; nothing where there is no provider. */
  text?: string;
  /** The page to come back to; by default, the one that a log-in with a password would lead to. */
  back?: string;
}

/** A link to each identity provider of the municipality, such as FranceConnect. Most have none. */
export function IdentityLogIns({ label, text, back }: Properties) {
  const { municipality } = useFrame();
  if (municipality.identityProviders.length === 0) return null;
  return (
    <div className="other-ways">
      {text && <p>{text}</p>}
      {municipality.identityProviders.map((provider) => (
        <a
          key={provider.logInUrl}
          className="button-second"
          href={`${provider.logInUrl}?return=/mon-espace/retour`}
          onClick={() => keepWayBack(back ?? wayBack())}
        >
          {label(provider.name)}
        </a>
      ))}
    </div>
  );
}

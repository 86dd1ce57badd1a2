import * as path from "node:path";
import { parse, stringify } from "yaml";
import { userError } from "../errors";
import { isRecord } from "../json";
import { providerKey } from "../settings/values";

const setting = "tributary:secretsProvider";

/** What encrypts the secrets of a stack's state. */
export interface SecretsProvider {
  /** From `tributary:secretsProvider`; undefined: the engine's own default, a passphrase. */
  secretsProvider: string | undefined;
  /** The settings file does not tell the engine so itself: the run's own settings have to. */
  derived: boolean;
}

/**
 * The secrets provider of a stack on AWS; the local AWS has a passphrase that everybody knows.
 *
 * @param document the whole settings file, in which the engine keeps `secretsprovider` and `encryptedkey`
 * @param config its keys, with those of the region laid over them
 * @throws user error `InvalidSettings` for another address than that of a key of KMS, and for two that differ
 */
export function secretsProviderOf(
  document: Record<string, unknown>,
  config: Record<string, unknown>,
  file: string,
): SecretsProvider {
  const given = config[setting];
  if (given === undefined) return { secretsProvider: undefined, derived: false };
  const own = document.secretsprovider;
  if (typeof given !== "string" || providerKey(given) === undefined)
    throw invalid(file, setting, given, 'an address such as "awskms://alias/<name>?region=eu-west-1"');
  if (own !== undefined && own !== given)
    throw invalid(file, "secretsprovider", own, `${given}, as ${setting} says: pulumi stack change-secrets-provider`);
  return { secretsProvider: given, derived: own === undefined };
}

function invalid(file: string, key: string, found: unknown, allowed: string) {
  const name = path.basename(file);
  const message = `${key} in ${name}: found ${JSON.stringify(found)?.slice(0, 120)}; allowed: ${allowed}`;
  return userError("InvalidSettings", message, `correct ${name}; docs/components.md lists every setting`);
}

/**
 * Settings of a run that tell the engine its secrets provider. Without a data key the engine makes one, and writes it into these settings:
 * that of the former run is kept, because a deployment could not read what its plan encrypted with another one.
 *
 * @param former text of the same stack's former run, where there is one
 */
export function withSecretsProvider(text: string, provider: string, former: string | undefined): string {
  const document = readDocument(text);
  if (document.secretsprovider !== undefined) return text;
  const before = readDocument(former ?? "");
  const key = before.secretsprovider === provider ? before.encryptedkey : undefined;
  const { encryptionsalt: _, ...others } = document;
  const keys = { secretsprovider: provider, ...(typeof key === "string" ? { encryptedkey: key } : {}) };
  return stringify({ ...keys, ...others }, { lineWidth: 0 });
}

/** What another run left behind may be cut off in the middle. */
function readDocument(text: string): Record<string, unknown> {
  try {
    const value: unknown = parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

import { parse, stringify } from "yaml";
import { isRecord } from "../../json";

type Config = Record<string, unknown>;

/** What settings become when a pipeline runs on this machine. */
export interface LocalSettings {
  text: string;
  /** What of it is left out, in words. */
  left: string[];
}

/** Keys that lead to an account, or that wait for what is not there on this machine. */
const foreign = ["account", "role", "backend", "secretsProvider", "approvers", "calendar", "protected"];

/** What the environment's own settings decide, although Pulumi.local.yaml says it, too. */
const own = ["packaging", "images", "retention", "checks", "waves", "target", "tags"];

/**
 * Settings of an environment of AWS, turned into those of an environment on the local AWS: with its provider, its cheap defaults
 * and its images. Gates stay as they are on AWS, but for those that ask AWS (Health) or the clock.
 *
 * @param text of Pulumi.<env>.yaml
 * @param local text of Pulumi.local.yaml
 * @returns undefined for settings that are local already
 */
export function localSettings(text: string, local: string): LocalSettings | undefined {
  const document = read(text);
  const config = section(document.config);
  if (config["tributary:target"] === "local") return undefined;
  const kept = Object.entries(config).filter(([key, value]) => !isForeign(key) && !isSecret(value));
  const left = Object.keys(config).filter((key) => !kept.some(([name]) => name === key));
  const gates = section(config["tributary:gates"]);
  const settings: Config = {
    ...Object.fromEntries(kept),
    ...localDefaults(section(read(local).config)),
    "tributary:target": "local",
    "tributary:architecture": process.arch === "arm64" ? "arm64" : "x86_64",
    // Not set they mean: nothing is asked on the local AWS.
    "tributary:approval": config["tributary:approval"] ?? "broadening",
    "tributary:gates": { stateful: "approve", policy: "stop", ...gates, health: "off" },
    ...(config["tributary:packaging"] === "image" ? { "tributary:images": imagesOf(config["tributary:images"]) } : {}),
  };
  return { text: stringify({ config: settings }, { lineWidth: 0 }), left };
}

const isForeign = (key: string) =>
  key.startsWith("aws:") ? key !== "aws:region" : foreign.includes(key.replace(/^tributary:/, ""));

/** Encrypted for a key that this machine does not have. */
const isSecret = (value: unknown) => isRecord(value) && "secure" in value;

function localDefaults(local: Config): Config {
  const wanted = ([key]: [string, unknown]) =>
    key.startsWith("aws:") ? key !== "aws:region" : !own.includes(key.replace(/^tributary:/, ""));
  return Object.fromEntries(Object.entries(local).filter(wanted));
}

/** Digests of a registry in AWS are not there: the local registry's are taken. */
function imagesOf(images: unknown): unknown {
  return images === "build" ? images : { stack: "images.local" };
}

function read(text: string): Config {
  return section(parse(text));
}

const section = (value: unknown): Config => (isRecord(value) ? value : {});

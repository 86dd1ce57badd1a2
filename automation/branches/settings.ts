import { parse, stringify } from "yaml";
import { isRecord } from "../json";

type Config = Record<string, unknown>;

/** What a branch environment's settings are made from. */
export interface BranchSettings {
  /** Text of the template's settings file. */
  template: string;
  /** The template is made for branches: nothing in it is made cheaper. */
  made: boolean;
  /** It is served by the local AWS. */
  local: boolean;
  /** Of the template's first wave. */
  region: string | undefined;
  /** Where states are, if the template's settings do not say it themselves. */
  backend: string | undefined;
  tags: Record<string, string>;
  /** Image of each function. @default as the template says */
  images?: Record<string, string> | undefined;
}

/** Settings of the driver that belong to a lasting environment: who approves, when, where else. */
const lasting = ["waves", "approval", "approvers", "approvalExpiry", "calendar"];

/** What an environment of days does without; its policies stay. */
const cheap: Config = {
  "tributary:pointInTimeRecovery": "false",
  "tributary:tracing": "false",
  "tributary:keyDeletionWindow": "7 days",
  "tributary:approval": "never",
};

/** Without these it could not be removed. */
const removable: Config = { "tributary:forceDestroy": "true", "tributary:deletionProtection": "false" };

/** Text of a branch environment's settings file. */
export function branchSettings({ template, made, local, region, backend, tags, images }: BranchSettings): string {
  const document = (parse(template) ?? {}) as Config & { config?: Config };
  const settings = document.config ?? {};
  const left = [...(made ? [] : lasting), "protected"].map((key) => `tributary:${key}`);
  const config: Config = {
    ...Object.fromEntries(Object.entries(settings).filter(([key]) => !left.includes(key))),
    ...(made ? {} : cheaper(settings)),
    ...removable,
    ...(local ? { "tributary:target": "local" } : {}),
    ...(region === undefined ? {} : { "aws:region": region }),
    ...(backend === undefined || local ? {} : { "tributary:backend": backend }),
    ...(images === undefined ? {} : { "tributary:images": images }),
    "tributary:tags": { ...sectionOf(settings, "tags"), ...tags },
  };
  return stringify({ ...document, config }, { lineWidth: 0 });
}

function cheaper(settings: Config): Config {
  const { policy, policyPack } = sectionOf(settings, "gates");
  const kept = Object.entries({ policy, policyPack }).filter(([, value]) => value !== undefined);
  return {
    ...cheap,
    "tributary:retention": { ...sectionOf(settings, "retention"), logs: "7 days" },
    "tributary:gates": { ...Object.fromEntries(kept), stateful: "off" },
  };
}

function sectionOf(settings: Config, key: string): Config {
  const value = settings[`tributary:${key}`];
  return isRecord(value) ? value : {};
}

/** A text as AWS takes it for the value of a tag: what it does not take becomes `_`. */
export function tagValue(text: string): string {
  const allowed = text.normalize("NFC").replace(/[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu, "_");
  return [...allowed].slice(0, 120).join("").trim();
}

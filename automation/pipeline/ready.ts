import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { userError } from "../errors";
import { isRecord } from "../json";
import type { DeliverySettings } from "../settings";
import { deliveryFile, pipelinesOf, readDeliverySettings } from "./model";
import { environmentsOf } from "./run/environments";

/** What builds on AWS open a state with. */
interface StateAccess {
  backend?: string | undefined;
  secretsProvider?: string | undefined;
}

/**
 * What keeps builds on AWS from opening states: they have no login and no passphrase, so each settings file has to name a bucket and a key
 * that the roles of Pulumi.delivery.yaml reach. Environments on the local AWS need neither.
 *
 * @returns sentences; empty: nothing does
 */
export function stateProblems(root: string): string[] {
  const settings = readDeliverySettings(root);
  const onAws = filesOnAws(root, settings);
  if (onAws.length === 0) return [];
  const { backend, secretsProvider } = settings;
  return [
    ...missing(deliveryFile, { backend, secretsProvider }),
    ...onAws.flatMap(({ file, config, expected }) => {
      const access = {
        backend: text(config["tributary:backend"]),
        secretsProvider: text(config["tributary:secretsProvider"]),
      };
      return [...missing(file, access), ...different(file, access, expected)];
    }),
  ];
}

/**
 * Refuses to make pipelines whose builds could open no state.
 *
 * @throws user error `StateOutOfReach`, before anything is made
 */
export function requireStates(root: string): void {
  const problems = stateProblems(root);
  if (problems.length === 0) return;
  throw userError(
    "StateOutOfReach",
    `builds on AWS could not open the state of what they deploy:${problems.map((each) => `\n  ${each}`).join("")}`,
    "set what is named; docs/first-deployment.md has the order in which bucket, key and settings are made",
  );
}

interface SettingsFile {
  file: string;
  config: Record<string, unknown>;
  expected: StateAccess;
}

/** Settings of AWS that builds deploy with: of environments, of what environments of branches are made from, of images. */
function filesOnAws(root: string, settings: DeliverySettings): SettingsFile[] {
  const { backend } = settings;
  const read = (name: string, secretsProvider = settings.secretsProvider): SettingsFile[] => {
    const file = `Pulumi.${name}.yaml`;
    if (!existsSync(path.join(root, file))) return [];
    return [{ file, config: configOf(root, file), expected: { backend, secretsProvider } }];
  };
  const used = [...new Set(pipelinesOf(settings).flatMap(environmentsOf))];
  const environments = used
    .flatMap((env) => {
      const { template = env, secretsProvider } = settings.environments[env] ?? {};
      return read(template, secretsProvider);
    })
    .filter(({ config }) => config["tributary:target"] !== "local");
  // Where all is local, as in `pipeline run --local`, nothing is pushed to AWS either.
  return environments.length === 0 ? [] : [...environments, ...read("images")];
}

function missing(file: string, { backend, secretsProvider }: StateAccess): string[] {
  return [
    ...(backend?.startsWith("s3://")
      ? []
      : [`tributary:backend in ${file}: found ${show(backend)}; allowed: "s3://<bucket>[/<prefix>]?region=<region>"`]),
    ...(secretsProvider === undefined
      ? [
          `tributary:secretsProvider in ${file}: found nothing; allowed: "awskms://<key>?region=<region>": a build knows no passphrase`,
        ]
      : []),
  ];
}

/** The roles of the pipelines reach one bucket, and the key that is named for the environment. */
function different(file: string, found: StateAccess, expected: StateAccess): string[] {
  return (["backend", "secretsProvider"] as const).flatMap((key) => {
    const [is, should] = [found[key], expected[key]];
    if (is === undefined || should === undefined || is === should) return [];
    return [`tributary:${key} in ${file}: found ${show(is)}; allowed: ${show(should)}, as ${deliveryFile} says`];
  });
}

const show = (value: string | undefined) => (value === undefined ? "nothing" : JSON.stringify(value));

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

function configOf(root: string, file: string): Record<string, unknown> {
  const document: unknown = parse(readFileSync(path.join(root, file), "utf8"));
  const config = isRecord(document) ? document.config : undefined;
  return isRecord(config) ? config : {};
}

import { providerKey } from "../../../automation/settings/values";
import type { Statement } from "../../iam";
import type { Scope } from "../../scope";

/**
 * Whose states a role works on: stacks named `<name>` and, unless it is `alone`, `<name>.<anything>`; or all whose names begin with it, where
 * it ends with `*`.
 */
export interface StateOwner {
  name: string;
  alone?: boolean;
}

/** Folders of the engine and of the driver that hold what a stack's deployments write, file by file. */
const engineFolders = ["backups", "history", "locks/organization"];
const driverFolders = ["lost", "migrations"];

/** The driver makes the file only if it is not there yet; with this condition nobody writes over one that is. */
const onlyNew = { Null: { "s3:if-none-match": "false" } };

/**
 * Deploying stacks whose state is in a bucket: reading and writing what is theirs, and nothing of others'. Approvals are no part of it:
 * who deploys does not approve.
 *
 * @param backend address, e.g. `s3://<bucket>/<prefix>?region=<region>`; another kind than S3 needs nothing of IAM
 */
export function stateStatements(scope: Scope, backend: string | undefined, owner: StateOwner): Statement[] {
  const place = placeOf(scope, backend);
  if (!place) return [];
  const { bucket, root } = place;
  const { files, folders } = patternsOf(owner);
  const of = (kind: string, folder: string, patterns: readonly string[]) =>
    patterns.map((pattern) => `${root}${kind}/${folder}/${scope.project}/${pattern}`);
  const branches = owner.name.endsWith("*") ? of(".tributary", "branches", files) : [];
  return [
    {
      actions: ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
      resources: [
        ...of(".pulumi", "stacks", files),
        ...engineFolders.flatMap((folder) => of(".pulumi", folder, folders)),
        ...of(".tributary", "guards", files),
        ...driverFolders.flatMap((folder) => of(".tributary", folder, folders)),
        ...branches,
      ],
    },
    { actions: ["s3:GetObject", "s3:PutObject"], resources: of(".tributary", "records", folders) },
    {
      // What the engine knows the bucket by, the lists of files that records name by their digest, and which images there are.
      actions: ["s3:GetObject"],
      resources: [
        `${root}.pulumi/meta.yaml`,
        `${root}.tributary/programs/*`,
        `${root}.pulumi/stacks/${scope.project}/images.json*`,
      ],
    },
    { actions: ["s3:PutObject"], resources: [`${root}.tributary/programs/*`], conditions: onlyNew },
    // A list tells names only, and the engine lists from the top.
    { actions: ["s3:GetBucketLocation", "s3:ListBucket"], resources: [bucket] },
  ];
}

/**
 * What a build writes beside the states of its environment in its own name: requests and approvals. Each file once: the driver
 * never writes over one.
 */
export function approvalStatements(scope: Scope, backend: string | undefined, owner: StateOwner): Statement[] {
  const place = placeOf(scope, backend);
  if (!place) return [];
  const { bucket, root } = place;
  const resources = ["approvals", "requests"].flatMap((folder) =>
    patternsOf(owner).folders.map((pattern) => `${root}.tributary/${folder}/${scope.project}/${pattern}`),
  );
  return [
    { actions: ["s3:GetObject"], resources },
    { actions: ["s3:PutObject"], resources, conditions: onlyNew },
    { actions: ["s3:GetBucketLocation", "s3:ListBucket"], resources: [bucket] },
  ];
}

/** What names of files of these stacks, and of what is in their folders, are like. */
function patternsOf({ name, alone = false }: StateOwner): { files: string[]; folders: string[] } {
  if (name.endsWith("*")) return { files: [name], folders: [name] };
  if (alone) return { files: [`${name}.json*`, `${name}.pulumi-tags*`], folders: [`${name}/*`] };
  return { files: [`${name}.*`], folders: [`${name}/*`, `${name}.*/*`] };
}

function placeOf({ partition }: Scope, backend: string | undefined) {
  const found = /^s3:\/\/([a-z0-9.-]+)(?:\/([^?]*))?/.exec(backend ?? "");
  if (!found) return undefined;
  const bucket = `arn:${partition}:s3:::${found[1]}`;
  return { bucket, root: found[2] ? `${bucket}/${found[2].replace(/\/$/, "")}/` : `${bucket}/` };
}

/**
 * Encrypting and decrypting the data key of a state's secrets.
 *
 * @param provider address of the key, e.g. `awskms://alias/<name>?region=<region>`; without one a passphrase does it
 */
export function secretsStatements(scope: Scope, provider: string | undefined): Statement[] {
  const key = provider === undefined ? undefined : providerKey(provider);
  if (!key) return [];
  const { partition = scope.partition, account = scope.account, region, resource } = key;
  const arn = (name: string) => `arn:${partition}:kms:${region}:${account}:${name}`;
  const actions = ["kms:Decrypt", "kms:Encrypt"];
  if (resource.startsWith("key/")) return [{ actions, resources: [arn(resource)] }];
  // An alias is no resource of these actions, and decrypting names no key: what counts is which aliases the key has.
  const conditions = { "ForAnyValue:StringEquals": { "kms:ResourceAliases": resource } };
  return [{ actions, resources: [arn("key/*")], conditions }];
}

/**
 * What lies beside an environment's state: small files of ours, written so that two machines can agree. docs/guard.md tells
 * what is where.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import * as path from "node:path";
import { DiskStore } from "./disk";
import type * as s3 from "./s3";
import type { ClientVariables } from "./s3";
import type { Backend, ObjectStore } from "./types";
import { locate, type BucketLocation } from "./url";

export { isKey } from "./keys";
export type { ClientVariables } from "./s3";
export type { Backend, ObjectStore, Stored } from "./types";

/** What is needed of an environment to find its backend. */
export interface BackendOwner {
  /** As in `tributary:backend`; undefined: wherever the person's Pulumi is logged in. */
  backend: string | undefined;
}

/** Folders below a backend's root. */
const ours = ".tributary";
const engines = ".pulumi";

/**
 * Opens what lies beside an environment's state. Nothing is written, and nothing is asked, before it is used.
 *
 * @param root of the checkout: relative folders are below it, and what can only be on this machine is in its `.tributary/`
 * @param variables laid over this process's environment, as the engine gets them: `LocalAws.env`, or those of an assumed role
 * @throws user error `InvalidBackend`
 */
export function openBackend(root: string, { backend }: BackendOwner, variables: ClientVariables = {}): Backend {
  const location = locate(backend, root);
  if (location.kind === "s3") return inBucket(location, { ...process.env, ...variables });
  if (location.kind === "disk") {
    const { folder } = location;
    const [files, engine] = [ours, engines].map((name) => new DiskStore(path.join(folder, name)));
    return { kind: "disk", place: `${folder}${path.sep}`, files: files!, engine, close: () => undefined };
  }
  return onMachine(root, backend ?? "", location.scheme);
}

/** Just the store of our own files; see {@link openBackend}. Connections end with the process. */
export function openStore(root: string, owner: BackendOwner, variables: ClientVariables = {}): ObjectStore {
  return openBackend(root, owner, variables).files;
}

/** Loaded when it is needed: a client of S3 takes longer to load than a command on a folder to run. */
const load = () => createRequire(__filename)("./s3") as typeof s3;

function inBucket(location: BucketLocation, variables: ClientVariables): Backend {
  const { connectBucket, S3Store } = load();
  const { client, close } = connectBucket(location, variables);
  const elsewhere = location.endpoint ?? (variables.AWS_ENDPOINT_URL_S3 || variables.AWS_ENDPOINT_URL);
  const store = (name: string) => new S3Store(client, location, `${location.prefix}${name}/`, Boolean(elsewhere));
  const place = `s3://${location.bucket}/${location.prefix}`;
  return { kind: "s3", place, files: store(ours), engine: store(engines), close };
}

const unguarded: Record<string, string> = { azblob: "Azure Blob Storage", gs: "Google Cloud Storage" };

function onMachine(root: string, url: string, scheme: string): Backend {
  // The URL may hold an account's name, and no name of a folder should.
  const id = createHash("sha256").update(url).digest("hex").slice(0, 16);
  const service = unguarded[scheme];
  const place = service ?? (scheme === "https" || scheme === "http" || scheme === "" ? "Pulumi Cloud" : scheme);
  const warning =
    service &&
    `states in ${service} are guarded against commands of this checkout only, and their records stay in it: use an s3:// backend where several machines deploy`;
  return {
    kind: "machine",
    place,
    files: new DiskStore(path.join(root, ours, "backends", id)),
    engine: undefined,
    ...(warning ? { warning } : {}),
    close: () => undefined,
  };
}

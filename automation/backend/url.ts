import * as os from "node:os";
import * as path from "node:path";
import { userError } from "../errors";

/** A bucket as a backend's URL describes it; the parameters are those that the engine understands. */
export interface BucketLocation {
  kind: "s3";
  bucket: string;
  /** Empty, or ends with a slash. */
  prefix: string;
  region?: string;
  /** With its scheme. */
  endpoint?: string;
  profile?: string;
  pathStyle: boolean;
  accelerate: boolean;
  dualstack: boolean;
  fips: boolean;
  /** Server-side encryption of what is written: `AES256`, `aws:kms`, … */
  encryption?: string;
  kmsKey?: string;
}

/** Where a backend's URL leads. */
export type Location = { kind: "disk"; folder: string } | BucketLocation | { kind: "other"; scheme: string };

/**
 * Reads the URL of a Pulumi backend, as the engine does (pkg/backend/diy).
 *
 * @param url undefined: wherever the person's Pulumi is logged in
 * @param root what a relative folder is relative to
 * @throws user error `InvalidBackend`
 */
export function locate(url: string | undefined, root: string): Location {
  if (url === undefined || url === "") return { kind: "other", scheme: "" };
  if (url.startsWith("file://")) return { kind: "disk", folder: folderOf(url, root) };
  if (url.startsWith("s3://")) return bucketOf(url);
  return { kind: "other", scheme: /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase() ?? "" };
}

function folderOf(url: string, root: string): string {
  const [given = ""] = url.slice("file://".length).split("?");
  const home = given === "~" || given.startsWith("~/");
  return home ? path.join(os.homedir(), given.slice(2)) : path.resolve(root, given);
}

function bucketOf(text: string): BucketLocation {
  const url = parse(text);
  const given = (...names: string[]) => names.map((name) => url.searchParams.get(name)).find(Boolean) ?? undefined;
  const yes = (...names: string[]) => /^(1|t|true)$/i.test(given(...names) ?? "");
  const secure = yes("disableSSL", "disable_https") ? "http" : "https";
  const endpoint = given("endpoint");
  const folder = url.pathname.replace(/^\/+/, "");
  return {
    kind: "s3",
    bucket: url.hostname,
    prefix: folder === "" || folder.endsWith("/") ? folder : `${folder}/`,
    region: given("region"),
    endpoint: endpoint === undefined || endpoint.includes("://") ? endpoint : `${secure}://${endpoint}`,
    profile: given("profile"),
    pathStyle: yes("s3ForcePathStyle", "use_path_style"),
    accelerate: yes("accelerate"),
    dualstack: yes("dualstack"),
    fips: yes("fips"),
    encryption: given("ssetype"),
    kmsKey: given("kmskeyid"),
  };
}

function parse(text: string): URL {
  try {
    const url = new URL(text);
    if (url.hostname !== "") return url;
  } catch {
    // Told below, without the text: it may hold credentials.
  }
  const message = "the backend's URL cannot be read: it begins with s3:// and names no bucket";
  throw userError("InvalidBackend", message, "write tributary:backend as s3://<bucket>[/<prefix>]?region=<region>");
}

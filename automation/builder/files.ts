import { createHash } from "node:crypto";
import path from "node:path";
import { TributaryError } from "../errors";
import { linkedFolder } from "../local/linked";
import { cacheRoot } from "../toolchain";

/** Where the builder of one checkout keeps its files. */
export interface BuilderFiles {
  /** `<root>/.tributary/builder` */
  home: string;
  /** BuildKit's own state: snapshots, cache, history. */
  state: string;
  configuration: string;
  /** What the running daemon was started with (hash). */
  fingerprint: string;
  /** Registries that were asked for so far. */
  registries: string;
  /** One folder for each registry with its authority, read by the daemon at each connection. */
  certificates: string;
  /** buildx instances of a container builder. */
  buildx: string;
  tmp: string;
  log: string;
  previousLog: string;
  lock: string;
  /** The folder of the two sockets. */
  sockets: string;
  /** The daemon listens here. */
  socket: string;
  /** Where build steps send their traces; as long as `socket` at most. */
  traces: string;
}

/** Length of the longest path of a socket on Linux (sun_path of unix(7): 108 bytes with the final zero). */
const longestSocket = 107;

/**
 * The files of the builder that belongs to the checkout `root`. Its sockets lie in the tool cache where the checkout's path
 * is too long for a socket.
 *
 * @throws TributaryError BuilderPathTooLong
 */
export function builderFiles(root: string, cache = cacheRoot()): BuilderFiles {
  const home = linkedFolder(path.join(path.resolve(root), ".tributary", "builder"));
  const short = path.join(cache, "builders", createHash("sha256").update(home).digest("hex").slice(0, 12));
  const sockets = [home, short].find((folder) => Buffer.byteLength(path.join(folder, "s")) <= longestSocket);
  if (sockets === undefined) {
    throw new TributaryError(
      `the builder's socket would have a path of over ${longestSocket} bytes, in ${home} as well as in ${short}`,
      { code: "BuilderPathTooLong", source: "user", next: "set TRIBUTARY_CACHE to a folder with a shorter path" },
    );
  }
  const file = (name: string) => path.join(home, name);
  return {
    home,
    state: file("state"),
    configuration: file("buildkitd.toml"),
    fingerprint: file("fingerprint"),
    registries: file("registries.json"),
    certificates: file("certificates"),
    buildx: file("buildx"),
    tmp: file("tmp"),
    log: file("buildkitd.log"),
    previousLog: file("buildkitd.previous.log"),
    lock: file("lock"),
    sockets,
    socket: path.join(sockets, "s"),
    traces: path.join(sockets, "t"),
  };
}

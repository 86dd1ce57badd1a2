import { which } from "../toolchain/official";

/** Something that a `buildkitd` of our own needs of the machine. */
export interface Requirement {
  name: string;
  found: boolean;
  detail: string;
  /** The one command or act that mends it. */
  cure: string;
}

/** Where programs of the system lie that are not on everybody's PATH. */
const systemFolders = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/** The first executable of that name on PATH or in the system's folders. */
export async function systemProgram(name: string): Promise<string | undefined> {
  return which(name, [process.env.PATH, ...systemFolders].join(":"));
}

/** What the machine has and lacks of what a `buildkitd` of our own needs. Starts nothing. */
export async function requirements(): Promise<Requirement[]> {
  const [runc, unshare] = await Promise.all(["runc", "unshare"].map((name) => systemProgram(name)));
  const linux = process.platform === "linux";
  const root = process.getuid?.() === 0;
  return [
    {
      name: "Linux",
      found: linux,
      detail: process.platform,
      cure: "start Docker (Docker Desktop, colima, …), or name a builder in the setting imageBuild.builder",
    },
    {
      name: "root",
      found: root,
      detail: root ? "yes" : `user ${process.getuid?.() ?? "unknown"}`,
      cure: "start Docker, run the command as root, or name a builder in the setting imageBuild.builder",
    },
    { name: "runc", found: runc !== undefined, detail: runc ?? "not found", cure: "apt-get install runc" },
    {
      name: "unshare",
      found: unshare !== undefined,
      detail: unshare ?? "not found",
      cure: "apt-get install util-linux",
    },
  ];
}

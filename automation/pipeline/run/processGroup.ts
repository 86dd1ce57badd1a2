import { readdir, readFile } from "node:fs/promises";
import { execa } from "execa";

/** Processes of a process group that still run, by id; those that ended and that nobody waited for are none. */
export async function groupMembers(group: number): Promise<number[]> {
  if (process.platform !== "linux") return fromPs(group);
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const members = await Promise.all(
    names.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
      const [state, , own] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(own) === group && state !== "Z" ? [Number(name)] : [];
    }),
  );
  return members.flat();
}

async function fromPs(group: number): Promise<number[]> {
  const { stdout } = await execa("ps", ["-A", "-o", "pid=,pgid=,stat="], { reject: false });
  const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([pid, own, state = "Z"]) =>
    Number(own) === group && !state.startsWith("Z") ? [Number(pid)] : [],
  );
}

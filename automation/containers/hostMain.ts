/**
 * The process that runs function images for the local AWS: started by `ensureContainerHost` as the first process of process
 * and mount namespaces of its own, so that every container, mount and helper ends with it, however it ends.
 * Argument: JSON of `HostArguments`.
 */
import { execa } from "execa";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, type AddressInfo } from "node:net";
import { writeWhole } from "../local/files";
import { hostFiles } from "./files";
import { Host, type HostArguments } from "./host";
import { serveHost } from "./hostServer";

/** How often the host looks whether the local AWS is still there (ms), and how often in vain before it ends itself. */
const WATCH = { every: 5000, times: 3 };

/** Ends the host when the local AWS is gone: nobody else would ever call it. */
function watch(port: number, end: () => void): void {
  let missed = 0;
  setInterval(() => {
    const socket = connect({ host: "127.0.0.1", port, timeout: WATCH.every / 2 });
    const done = (alive: boolean) => {
      socket.destroy();
      missed = alive ? 0 : missed + 1;
      if (missed >= WATCH.times) end();
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
    socket.once("timeout", () => done(true));
  }, WATCH.every).unref();
}

async function main(): Promise<void> {
  const given = JSON.parse(process.argv.at(-1)!) as HostArguments;
  // Still the machine's view of processes: what others know this process by.
  const stat = readFileSync("/proc/self/stat", "utf8");
  const [pid, processStart] = [Number(stat.split(" ")[0]), stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!];
  await execa("mount", ["-t", "proc", "proc", "/proc"]);
  const host = new Host(given, String(pid));
  await host.prepare();
  const token = randomBytes(32).toString("hex");
  const server = serveHost(host, token);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => void host.close().finally(() => process.exit(0));
  process.once("SIGTERM", end);
  watch(given.port, end);
  const { fingerprint, port: aws } = given;
  const { port } = server.address() as AddressInfo;
  const instance = { pid, processStart, port, token, aws, fingerprint };
  await writeWhole(hostFiles(given.root).instance, JSON.stringify(instance), 0o600);
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});

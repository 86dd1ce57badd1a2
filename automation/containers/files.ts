import path from "node:path";
import { localFiles } from "../local/files";

/** Where the container host of one checkout keeps its files. All of them are below `home`, which goes with the local AWS. */
export interface HostFiles {
  /** `<root>/.tributary/local/containers` */
  home: string;
  lock: string;
  /** The running host: see `HostInstance`. Readable by its owner alone, because it holds the token. */
  instance: string;
  /** What the host itself prints. */
  log: string;
  /** What functions print, one file each. */
  logs: string;
  /** Unpacked layers, kept from run to run. */
  layers: string;
  /** Mount points and containers of the running host; removed when it has ended. */
  run: string;
}

/** The files of the container host that belongs to the checkout `root`. */
export function hostFiles(root: string): HostFiles {
  const home = path.join(localFiles(root).home, "containers");
  return {
    home,
    lock: path.join(home, "lock"),
    instance: path.join(home, "host.json"),
    log: path.join(home, "host.log"),
    logs: path.join(home, "logs"),
    layers: path.join(home, "layers"),
    run: path.join(home, "run"),
  };
}

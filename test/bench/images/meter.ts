import { promises as fs } from "node:fs";

/** What one run of a side took. Processor and memory are the whole machine's, so a quiet machine measures best. */
export interface Measurement {
  /** By the clock. */
  seconds: number;
  /** Busy seconds of all processors. */
  cpuSeconds: number;
  /** Most memory in use, above what was in use before (MB). */
  peakMegabytes: number;
}

/** A measurement as columns of a benchmark's table. */
export function columnsOf({ seconds, cpuSeconds, peakMegabytes }: Measurement) {
  return {
    s: Math.round(seconds * 100) / 100,
    "CPU s": Math.round(cpuSeconds * 10) / 10,
    "peak MB": Math.round(peakMegabytes),
  };
}

/** Clock ticks a second in /proc/stat; 100 on every Linux that Node runs on (USER_HZ). */
const TICKS = 100;

/** Between two looks at the memory (ms). */
const PERIOD = 50;

/** Runs `work` and measures it; Linux only. */
export async function measured(work: () => Promise<void>): Promise<Measurement> {
  const before = await availableKilobytes();
  let lowest = before;
  const timer = setInterval(() => {
    void availableKilobytes().then((available) => (lowest = Math.min(lowest, available)));
  }, PERIOD);
  const cpu = await busyTicks();
  const started = performance.now();
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return {
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: ((await busyTicks()) - cpu) / TICKS,
    peakMegabytes: (before - lowest) / 1024,
  };
}

async function availableKilobytes(): Promise<number> {
  const text = await fs.readFile("/proc/meminfo", "utf8");
  return Number(/MemAvailable:\s+(\d+)/.exec(text)?.[1]);
}

/** User, nice, system, irq, softirq and steal-free time: everything but idle, iowait and steal. */
async function busyTicks(): Promise<number> {
  const line = (await fs.readFile("/proc/stat", "utf8")).split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return user + nice + system + irq + softirq;
}

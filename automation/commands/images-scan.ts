import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { writeJunit } from "../pipeline/reports/write";
import { parseLimits, scanCases, scanImages, type ImageScan, type ScanLimits } from "../pipeline/steps/scan";
import { builtImages } from "../release/list";
import { connectEcr } from "../release/registry";
import { findImagesStack } from "../stacks/imagesStack";
import type { CommandContext, Outcome } from "./context";

/** `tributary images scan` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const limits = parseLimits(String(values.max));
  const stack = findImagesStack(context.root, values.push === true, values.branches === true);
  const outputs = await builtImages(context.root, stack);
  const images = Object.fromEntries(Object.entries(outputs.images).map(([name, { uri }]) => [name, uri]));
  if (stack.local) return notScanned(images, values.junit);
  const { client, close } = await connectEcr(outputs.region);
  try {
    return await outcome(await scanImages(client, images, limits, { signal: context.signal }), limits, values.junit);
  } finally {
    close();
  }
}

async function outcome(scans: ImageScan[], limits: ScanLimits, junit: Values[string]): Promise<Outcome> {
  if (typeof junit === "string") await writeJunit(junit, "image scan", scanCases(scans));
  const names = Object.keys(limits);
  const rows = scans.map(({ name, status, counts }) => ({
    image: name,
    status,
    ...Object.fromEntries(names.map((severity) => [severity, counts[severity as keyof ScanLimits] ?? 0])),
  }));
  const text = `${table(["image", "status", ...names], rows)}\n`;
  const wrong = scans.filter(({ problems }) => problems.length > 0);
  if (wrong.length === 0) return { document: { ok: true, limits, images: scans }, text };
  const message = wrong.map(({ name, problems }) => `${name}: ${problems.join("; ")}`).join("\n  ");
  const next = "take a newer base image or package; docs/delivery.md tells how a finding is lived with";
  const error = { code: "ScanFindings", message, next };
  return {
    document: { ok: false, error, limits, images: scans },
    text: `${text}error ScanFindings: ${message}\nnext: ${next}\n`,
    exitCode: 1,
  };
}

/** The local registry has no scanner: that is said, and is no green answer. */
async function notScanned(images: Record<string, string>, junit: Values[string]): Promise<Outcome> {
  const why = "the registry of the local AWS has no scanner; ECR scans what is pushed";
  const cases = Object.keys(images).map((name) => ({ name, skipped: why }));
  if (typeof junit === "string") await writeJunit(junit, "image scan", cases);
  const scans = cases.map(({ name }) => ({ name, uri: images[name], status: "unsupported", why }));
  return { document: { ok: true, images: scans, scanned: false, why }, text: `not scanned: ${why}\n` };
}

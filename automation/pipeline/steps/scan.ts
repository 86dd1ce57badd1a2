import type { ECRClient, ImageScanFindings, EnhancedImageScanFinding } from "@aws-sdk/client-ecr";
import { DescribeImageScanFindingsCommand } from "@aws-sdk/client-ecr";
import { setTimeout as sleep } from "node:timers/promises";
import { userError } from "../../errors";
import type { ReportedCase } from "../reports/write";
import { parseReference } from "../../release/reference";

/** Severities of ECR, the worst first. */
export const severities = ["critical", "high", "medium", "low", "informational", "undefined"] as const;

/** One of them. */
export type ScanSeverity = (typeof severities)[number];

/** Most findings of each severity; those that are not named are not limited. */
export type ScanLimits = Partial<Record<ScanSeverity, number>>;

/** What is known against an image. */
export interface ImageScan {
  name: string;
  uri: string;
  /** `scanned`, or why there are no findings. */
  status: "scanned" | "unsupported" | "missing" | "failed" | "late";
  counts: ScanLimits;
  /** Of the severities that are limited: what they are about. */
  findings: { id: string; severity: ScanSeverity; package?: string }[];
  /** Why it does not pass; empty: it does. */
  problems: string[];
}

/** How long scans are waited for. */
export interface ScanWait {
  /** Between two looks (ms). @default 5,000 */
  interval?: number;
  /** In all (ms). @default 10 minutes: a scan takes about one */
  patience?: number;
  signal?: AbortSignal;
}

/**
 * Reads limits as `critical=0,high=5`.
 *
 * @throws user error `WrongUsage`
 */
export function parseLimits(text: string): ScanLimits {
  const entries = text.split(",").map((part) => {
    const [, name = "", count = ""] = /^\s*([a-z]+)=(\d{1,6})\s*$/.exec(part) ?? [];
    if (severities.includes(name as ScanSeverity)) return [name, Number(count)] as const;
    const allowed = `a list of <severity>=<most findings>, e.g. critical=0,high=0; severities are ${severities.join(", ")}`;
    throw userError(
      "WrongUsage",
      `--max: found ${JSON.stringify(part)}; allowed: ${allowed}`,
      "tributary images scan --help",
    );
  });
  return Object.fromEntries(entries);
}

/** What ECR's scan, basic or enhanced, found in images; scans that still run are waited for. */
export async function scanImages(
  client: Pick<ECRClient, "send">,
  images: Readonly<Record<string, string>>,
  limits: ScanLimits,
  wait: ScanWait = {},
): Promise<ImageScan[]> {
  // One after the other: ECR allows few of these requests a second, and most scans are done when the first is.
  const scans: ImageScan[] = [];
  for (const [name, uri] of Object.entries(images)) scans.push(await scanImage(client, name, uri, limits, wait));
  return scans;
}

async function scanImage(
  client: Pick<ECRClient, "send">,
  name: string,
  uri: string,
  limits: ScanLimits,
  { interval = 5_000, patience = 600_000, signal }: ScanWait,
): Promise<ImageScan> {
  const until = Date.now() + patience;
  for (;;) {
    const answer = await ask(client, uri);
    if (answer.status !== "late") return judged({ name, uri, ...answer }, limits);
    if (Date.now() >= until) return judged({ name, uri, ...answer }, limits);
    await sleep(interval, undefined, { signal });
  }
}

type Answer = Pick<ImageScan, "status" | "counts" | "findings">;

const none = (status: ImageScan["status"]): Answer => ({ status, counts: {}, findings: [] });

const states: Record<string, ImageScan["status"]> = {
  COMPLETE: "scanned",
  ACTIVE: "scanned",
  IN_PROGRESS: "late",
  PENDING: "late",
  UNSUPPORTED_IMAGE: "unsupported",
};

async function ask(client: Pick<ECRClient, "send">, uri: string): Promise<Answer> {
  const { repository, digest, registry } = parseReference(uri);
  const [registryId] = /^\d{12}/.exec(registry) ?? [];
  const findings: ImageScanFindings[] = [];
  let nextToken: string | undefined;
  let status: ImageScan["status"];
  try {
    do {
      const request = {
        registryId,
        repositoryName: repository,
        imageId: { imageDigest: digest },
        nextToken,
        maxResults: 1000,
      };
      const page = await client.send(new DescribeImageScanFindingsCommand(request));
      status = states[page.imageScanStatus?.status ?? ""] ?? "failed";
      findings.push(page.imageScanFindings ?? {});
      nextToken = page.nextToken;
    } while (nextToken !== undefined && status === "scanned");
  } catch (error) {
    if ((error as Error).name === "ScanNotFoundException") return none("missing");
    throw error;
  }
  return status === "scanned" ? { status, ...summed(findings) } : none(status);
}

function summed(pages: ImageScanFindings[]): Pick<Answer, "counts" | "findings"> {
  const counts = Object.entries(pages[0]?.findingSeverityCounts ?? {}).map(([name, count]) => [
    severityOf(name),
    count,
  ]);
  const basic = pages
    .flatMap(({ findings = [] }) => findings)
    .map(({ name = "", severity }) => ({
      id: name,
      severity: severityOf(severity),
    }));
  const enhanced = pages.flatMap(({ enhancedFindings = [] }) => enhancedFindings).map(enhancedFinding);
  return { counts: Object.fromEntries(counts) as ScanLimits, findings: [...basic, ...enhanced] };
}

function enhancedFinding({ severity, packageVulnerabilityDetails: details, title = "" }: EnhancedImageScanFinding) {
  const [about] = details?.vulnerablePackages ?? [];
  const where = about && `${about.name ?? ""} ${about.version ?? ""}`.trim();
  return {
    id: details?.vulnerabilityId ?? title,
    severity: severityOf(severity),
    ...(where ? { package: where } : {}),
  };
}

function severityOf(name = ""): ScanSeverity {
  const lower = name.toLowerCase() as ScanSeverity;
  return severities.includes(lower) ? lower : "undefined";
}

const reasons: Record<Exclude<ImageScan["status"], "scanned">, string> = {
  // An image of nothing but files, as the layer is, has no packages of a distribution to look for.
  unsupported: "",
  missing: "ECR has not scanned it: is scanning on in the registry or the repository?",
  failed: "its scan failed",
  late: "its scan did not come to its end in time",
};

function judged(scan: Omit<ImageScan, "problems">, limits: ScanLimits): ImageScan {
  const limited = Object.entries(limits) as [ScanSeverity, number][];
  const names = new Set(limited.map(([name]) => name));
  const findings = scan.findings.filter(({ severity }) => names.has(severity));
  if (scan.status !== "scanned") {
    const reason = reasons[scan.status];
    return { ...scan, findings, problems: reason === "" ? [] : [reason] };
  }
  const problems = limited.flatMap(([name, most]) => {
    const found = scan.counts[name] ?? 0;
    const ids = findings.filter(({ severity }) => severity === name).slice(0, 5);
    const which = ids.map(({ id, package: of }) => (of ? `${id} in ${of}` : id)).join(", ");
    return found <= most ? [] : [`${found} ${name} findings, ${most} are allowed${which === "" ? "" : `: ${which}`}`];
  });
  return { ...scan, findings, problems };
}

/** Scans as test cases. */
export function scanCases(scans: readonly ImageScan[]): ReportedCase[] {
  return scans.map(({ name, status, problems }) => ({
    name,
    ...(problems.length > 0 ? { failure: problems.join("; ") } : {}),
    ...(status === "unsupported" ? { skipped: "ECR cannot scan an image of this kind" } : {}),
  }));
}

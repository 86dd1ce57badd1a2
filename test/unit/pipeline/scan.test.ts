import { strict as assert } from "node:assert";
import { parseLimits, scanCases, scanImages } from "../../../automation/pipeline/steps/scan";
import { fake, named } from "./support";

describe("images scan", () => {
  const uri = `123456789012.dkr.ecr.eu-west-1.amazonaws.com/lake@sha256:${"a".repeat(64)}`;

  it("waits for a scan, counts findings of both kinds, and names those above the limit", async () => {
    const states = ["PENDING", "IN_PROGRESS", "ACTIVE"];
    const { client, sent } = fake({
      DescribeImageScanFindings: () => ({
        imageScanStatus: { status: states.shift() },
        imageScanFindings: {
          findingSeverityCounts: { CRITICAL: 1, HIGH: 2 },
          enhancedFindings: [
            {
              severity: "CRITICAL",
              packageVulnerabilityDetails: {
                vulnerabilityId: "CVE-1",
                vulnerablePackages: [{ name: "zlib", version: "1.2" }],
              },
            },
          ],
        },
      }),
    });
    const [scan] = await scanImages(client, { routing: uri }, { critical: 0, high: 2 }, { interval: 1 });
    assert.deepEqual(scan?.problems, ["1 critical findings, 0 are allowed: CVE-1 in zlib 1.2"]);
    assert.equal(sent.length, 3);
    assert.deepEqual(sent[0]?.input.imageId, { imageDigest: `sha256:${"a".repeat(64)}` });
    assert.equal(sent[0]?.input.registryId, "123456789012");
  });

  it("does not pass what was not scanned, and says what cannot be scanned", async () => {
    const missing = fake({ DescribeImageScanFindings: () => Promise.reject(named("ScanNotFoundException")) });
    const [none] = await scanImages(missing.client, { routing: uri }, { critical: 0 });
    assert.equal(none?.status, "missing");
    assert.match(none?.problems[0] ?? "", /has not scanned it/);
    const late = fake({ DescribeImageScanFindings: () => ({ imageScanStatus: { status: "PENDING" } }) });
    const [never] = await scanImages(late.client, { routing: uri }, { critical: 0 }, { interval: 1, patience: 5 });
    assert.equal(never?.status, "late");
    assert.equal(never?.problems.length, 1);
    const files = fake({ DescribeImageScanFindings: () => ({ imageScanStatus: { status: "UNSUPPORTED_IMAGE" } }) });
    const scans = await scanImages(files.client, { layer: uri }, { critical: 0 });
    assert.deepEqual(scans[0]?.problems, []);
    assert.ok(scanCases(scans)[0]?.skipped);
  });

  it("reads limits, and refuses what is none", () => {
    assert.deepEqual(parseLimits("critical=0, high=12"), { critical: 0, high: 12 });
    for (const wrong of ["", "critical", "worst=1", "high=-1", "high=0;low=1"])
      assert.throws(() => parseLimits(wrong), /--max/);
  });
});

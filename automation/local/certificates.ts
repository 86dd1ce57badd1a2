import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { TributaryError } from "../errors";

/** Certificates and keys of one checkout's local AWS; all PEM. */
export interface Certificates {
  /** The authority that signed `certificate`: what a client has to trust. */
  ca: string;
  certificate: string;
  key: string;
}

const DAY = 86_400_000;

/** Under a year, so that every client accepts it. */
const SERVER_DAYS = 365;

/** A certificate is renewed when it has less time left than this (ms). */
const RENEW_BEFORE = 30 * DAY;

/** The authority is renewed, and the server's certificate with it, when it has less time left than this (ms). */
const RENEW_CA_BEFORE = 2 * SERVER_DAYS * DAY;

async function read(path: string): Promise<X509Certificate | undefined> {
  try {
    return new X509Certificate(await readFile(path));
  } catch {
    return undefined;
  }
}

/** The names and addresses in a certificate, in the form in which they were asked for. */
export function namesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? "").split(", ").map((name) => name.replace(/^(DNS|IP Address):/, ""));
}

/** Whether a certificate still serves: signed by `ca`, valid for long enough at `now` (ms), with all `names`. */
export function isFit(certificate: X509Certificate, ca: X509Certificate, names: string[], now: number): boolean {
  const has = namesOf(certificate);
  return (
    certificate.verify(ca.publicKey) &&
    now > Date.parse(certificate.validFrom) &&
    Date.parse(certificate.validTo) - now > RENEW_BEFORE &&
    names.every((name) => has.includes(name))
  );
}

/**
 * Makes sure that `directory` holds an authority of this checkout and a certificate for `names`, both valid for a month or
 * more. Only what is missing or about to expire is made anew; the authority outlives the certificates it signs.
 *
 * @param python an interpreter that has the `cryptography` package
 * @throws TributaryError `CertificateFailed`
 */
export async function ensureCertificates(directory: string, names: string[], python: string): Promise<Certificates> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const files = {
    ca: join(directory, "ca.pem"),
    certificate: join(directory, "server.pem"),
    key: join(directory, "server.key"),
  };
  const [ca, certificate] = await Promise.all([read(files.ca), read(files.certificate)]);
  const keepCa = ca !== undefined && Date.parse(ca.validTo) - Date.now() > RENEW_CA_BEFORE;
  if (keepCa && certificate && isFit(certificate, ca, names, Date.now())) {
    return files;
  }
  const script = join(__dirname, "certificates.py");
  const args = [...(keepCa ? ["--keep-ca"] : []), directory, String(SERVER_DAYS), ...names];
  const run = await execa(python, ["-I", script, ...args], { reject: false, all: true });
  if (run.failed) {
    throw new TributaryError(`the certificates of the local AWS could not be made in ${directory}: ${run.all}`, {
      code: "CertificateFailed",
      next: `remove ${directory} and run the command again`,
    });
  }
  return files;
}

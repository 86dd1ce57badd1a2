import { strict as assert } from "node:assert";
import { X509Certificate } from "node:crypto";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { silent } from "../../../automation/events";
import { ensureCertificates, isFit, namesOf } from "../../../automation/local/certificates";
import { SERVER_NAMES } from "../../../automation/local/environment";
import { ensurePython } from "../../../automation/local/python";
import { Roots } from "./support";

const DAY = 86_400_000;

describe("the certificates of the local AWS", () => {
  const roots = new Roots();
  let python: string;
  let folder: string;

  const read = async (name: string) => new X509Certificate(await fs.readFile(path.join(folder, name)));

  before(async () => {
    ({ python } = await ensurePython(silent));
    folder = path.join(await roots.create(), "tls");
    await ensureCertificates(folder, SERVER_NAMES, python);
  });

  after(() => roots.removeAll());

  it("are for every name that the local AWS is reached under, and for no other machine", async () => {
    const [ca, server] = [await read("ca.pem"), await read("server.pem")];
    assert.deepEqual(namesOf(server), SERVER_NAMES);
    assert.ok(SERVER_NAMES.includes("000000000000.localhost"));
    assert.equal(server.ca, false);
    assert.equal(ca.ca, true);
    assert.ok(server.verify(ca.publicKey));
    assert.equal(server.checkHost("localhost"), "localhost");
    assert.equal(server.checkHost("example.com"), undefined);
  });

  it("keep their keys to this user", async () => {
    for (const name of ["ca.key", "server.key"]) {
      assert.equal((await fs.stat(path.join(folder, name))).mode & 0o777, 0o600, name);
    }
    assert.equal((await fs.stat(folder)).mode & 0o777, 0o700);
  });

  it("stay as they are while they are fit, and are not fit a month before they end", async () => {
    const [ca, server] = [await read("ca.pem"), await read("server.pem")];
    await ensureCertificates(folder, SERVER_NAMES, python);
    assert.equal((await read("server.pem")).fingerprint256, server.fingerprint256);
    const end = Date.parse(server.validTo);
    assert.equal(isFit(server, ca, SERVER_NAMES, end - 31 * DAY), true);
    assert.equal(isFit(server, ca, SERVER_NAMES, end - 29 * DAY), false);
    assert.equal(isFit(server, ca, [...SERVER_NAMES, "444444444444.localhost"], Date.now()), false);
    assert.equal(isFit(server, server, SERVER_NAMES, Date.now()), false);
  });

  it("are renewed under the same authority when a name is missing", async () => {
    const [ca, server] = [await read("ca.pem"), await read("server.pem")];
    await ensureCertificates(folder, [...SERVER_NAMES, "444444444444.localhost"], python);
    const renewed = await read("server.pem");
    assert.equal((await read("ca.pem")).fingerprint256, ca.fingerprint256);
    assert.notEqual(renewed.fingerprint256, server.fingerprint256);
    assert.ok(namesOf(renewed).includes("444444444444.localhost"));
  });

  it("are made anew, with the authority, when a file is damaged", async () => {
    const ca = await read("ca.pem");
    await fs.writeFile(path.join(folder, "ca.pem"), "not a certificate");
    await ensureCertificates(folder, SERVER_NAMES, python);
    assert.notEqual((await read("ca.pem")).fingerprint256, ca.fingerprint256);
    assert.ok((await read("server.pem")).verify((await read("ca.pem")).publicKey));
  });
});

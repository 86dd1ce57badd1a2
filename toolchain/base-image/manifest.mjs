// Writes an image's configuration and manifest beside its packed layers: node manifest.mjs <folder of *.tar.gz> <layer>...
// The unpacked layers are in the current folder. The last layer's name is the image's.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";

const [folder, ...layers] = process.argv.slice(2);
const prefix = layers.length > 1 ? `${layers.at(-1)}-` : "";
const packed = (layer) => join(folder, `${layer}.tar.gz`);

async function digest(file) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest("hex")}`;
}

function write(name, value) {
  const text = JSON.stringify(value);
  writeFileSync(join(folder, `${prefix}${name}`), text);
  return { digest: `sha256:${createHash("sha256").update(text).digest("hex")}`, size: Buffer.byteLength(text) };
}

// Names and values as in AWS's base images, but for the language, whose data Debian's smallest system lacks.
const config = write("config.json", {
  created: "1970-01-01T00:00:00Z",
  architecture: process.arch === "x64" ? "amd64" : process.arch,
  os: "linux",
  config: {
    Env: [
      "LANG=C.UTF-8",
      "TZ=:/etc/localtime",
      "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
      "LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
      "LAMBDA_TASK_ROOT=/var/task",
      "LAMBDA_RUNTIME_DIR=/var/runtime",
    ],
    WorkingDir: "/var/task",
    Entrypoint: ["/lambda-entrypoint.sh"],
  },
  rootfs: { type: "layers", diff_ids: await Promise.all(layers.map((layer) => digest(`${layer}.tar`))) },
  history: layers.map(() => ({ created: "1970-01-01T00:00:00Z", created_by: "tributary toolchain/base-image" })),
});
write("manifest.json", {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
  layers: await Promise.all(
    layers.map(async (layer) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: await digest(packed(layer)),
      size: statSync(packed(layer)).size,
    })),
  ),
});

import { promises as fs } from "node:fs";
import * as path from "node:path";
import { execa } from "execa";

/** Packages that the layer's sources import, and what compiles them: the versions are those of the checkout's lock file. */
const LAYER_DEPENDENCIES = [
  "@aws-lambda-powertools/batch",
  "@aws-lambda-powertools/commons",
  "@aws-lambda-powertools/idempotency",
  "@aws-lambda-powertools/jmespath",
  "@aws-lambda-powertools/logger",
  "@aws-lambda-powertools/parser",
  "@aws-sdk/client-dynamodb",
  "@aws-sdk/client-glue",
  "@aws-sdk/client-s3",
  "@aws-sdk/client-sfn",
  "@aws-sdk/client-sqs",
  "@aws-sdk/lib-dynamodb",
  "@aws-sdk/lib-storage",
  "@aws-sdk/util-dynamodb",
  "@duckdb/node-api",
  "esbuild",
  "fzstd",
  "p-queue",
  "yaml",
  "zod",
];

const FUNCTION_DEPENDENCIES = ["esbuild"];

const COMPILE =
  "node_modules/.bin/esbuild --bundle --platform=node --target=node20 --minify-syntax --minify-whitespace";

/** Installs as npm would on a build machine; the certificates of a corporate network come as a secret. */
const install = (command: "ci" | "install") =>
  `RUN --mount=type=secret,id=ca,target=/run/ca.pem NODE_EXTRA_CA_CERTS=/run/ca.pem node /opt/npm/bin/npm-cli.js ${command} --no-audit --no-fund`;

// `npm ci` refuses a lock file without the optional packages of other platforms, which not every registry serves.
const LAYER_DOCKERFILE = `ARG BASE_IMAGE
FROM \${BASE_IMAGE} AS build
COPY --from=npm . /opt/npm
WORKDIR /src
COPY package.json package-lock.json ./
${install("install")}
COPY layer layer
RUN ${COMPILE} layer/index.ts --external:@duckdb/node-bindings --outfile=/out/nodejs/node_modules/@tributary/layer/index.js && \\
    cp -r node_modules/@duckdb /out/nodejs/node_modules/@duckdb && cp -r node_modules/detect-libc /out/nodejs/node_modules/detect-libc && \\
    rm -rf /out/nodejs/node_modules/@duckdb/node-api
FROM scratch
COPY --from=build /out /opt
`;

const FUNCTION_DOCKERFILE = `ARG BASE_IMAGE
ARG LAYER_IMAGE
FROM \${LAYER_IMAGE} AS layer
FROM \${BASE_IMAGE} AS build
COPY --from=npm . /opt/npm
WORKDIR /src
COPY package.json package-lock.json ./
${install("ci")}
COPY handler.ts ./
RUN ${COMPILE} handler.ts --external:@tributary/layer --outfile=/out/handler.js
FROM \${BASE_IMAGE}
COPY --from=layer /opt /opt
COPY --from=build /out \${LAMBDA_TASK_ROOT}
CMD ["handler.handler"]
`;

/** The reference way of the same sources: each Dockerfile installs and compiles inside its own build. */
export interface Reference {
  /** Build context of the layer image. */
  layer: string;
  /** Build contexts by the functions' names. */
  functions: Record<string, string>;
}

/**
 * Writes the reference's build contexts below `folder`. Every function has a package.json and a lock file of its own, as
 * in the reference system, so that no two of them share their installation.
 *
 * @param root the checkout whose layer and functions are built
 */
export async function writeReference(root: string, folder: string): Promise<Reference> {
  const layer = path.join(folder, "layer");
  await fs.mkdir(layer, { recursive: true });
  await fs.cp(path.join(root, "layer"), path.join(layer, "layer"), { recursive: true });
  await fs.writeFile(path.join(layer, "Dockerfile"), LAYER_DOCKERFILE);
  await writePackage(root, layer, "layer", LAYER_DEPENDENCIES);
  const functions: Record<string, string> = {};
  let locked: string | undefined;
  for (const name of await functionNames(root)) {
    const target = path.join(folder, name);
    await fs.mkdir(target, { recursive: true });
    await fs.copyFile(path.join(root, "functions", name, "handler.ts"), path.join(target, "handler.ts"));
    await fs.writeFile(path.join(target, "Dockerfile"), FUNCTION_DOCKERFILE);
    locked = await writePackage(root, target, name, FUNCTION_DEPENDENCIES, locked);
    functions[name] = target;
  }
  return { layer, functions };
}

/** Names of the functions with a handler in TypeScript. */
export async function functionNames(root: string): Promise<string[]> {
  const entries = await fs.readdir(path.join(root, "functions"), { withFileTypes: true });
  const names: string[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const handler = await fs.stat(path.join(root, "functions", name, "handler.ts")).catch(() => undefined);
    if (handler) names.push(name);
  }
  return names.sort();
}

async function writePackage(root: string, target: string, name: string, packages: string[], like?: string) {
  const { packages: locked } = JSON.parse(await fs.readFile(path.join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string }>;
  };
  const dependencies = Object.fromEntries(packages.map((one) => [one, locked[`node_modules/${one}`]!.version]));
  const manifest = { name, version: "0.0.0", private: true, dependencies };
  await fs.writeFile(path.join(target, "package.json"), JSON.stringify(manifest, null, 2));
  const lockFile = path.join(target, "package-lock.json");
  if (like === undefined) {
    await execa("npm", ["install", "--package-lock-only", "--no-audit", "--no-fund"], { cwd: target });
    return fs.readFile(lockFile, "utf8");
  }
  const lock = JSON.parse(like) as { name: string; packages: Record<string, { name?: string }> };
  await fs.writeFile(
    lockFile,
    JSON.stringify({ ...lock, name, packages: { ...lock.packages, "": { ...lock.packages[""], name } } }, null, 2),
  );
  return like;
}

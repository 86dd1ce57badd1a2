import { strict as assert } from "node:assert";
import fc from "fast-check";
import { describeFunction, readCall } from "../../../automation/containers/functions";
import { parseImageUri } from "../../../automation/containers/reference";
import { exitOf } from "../../../automation/containers/runc";
import { commandOf, containerSpec, variablesOf } from "../../../automation/containers/spec";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const REGISTRY = "localhost:20001";

describe("what a function's container is made from", () => {
  const settings = { Env: ["A=1", "B=x=y"], Entrypoint: ["/entry"], Cmd: ["handler.handler"], WorkingDir: "/var/task" };
  const image = { rootfs: "/mnt/root", settings };
  const call = (more: object = {}) => ({
    requestId: "r",
    event: "{}",
    environment: { AWS_ACCESS_KEY_ID: "ASIAROLE", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: "t" },
    function: {
      FunctionName: "f",
      FunctionArn: "arn:aws:lambda:eu-west-1:000000000000:function:f",
      ImageUri: `${REGISTRY}/r@${DIGEST}`,
      ...more,
    },
  });
  const described = (more: object = {}) =>
    describeFunction(readCall(JSON.stringify(call(more))), {
      endpoint: "https://localhost:20001",
      region: "us-east-1",
    });

  it("an image is named by digest, with ECR's own host or the local registry's", () => {
    const ecr = "000000000000.dkr.ecr.eu-west-1.amazonaws.com";
    assert.deepEqual(parseImageUri(`${ecr}/tributary-dev-images@${DIGEST}`, REGISTRY), {
      repository: "tributary-dev-images",
      digest: DIGEST,
      name: ecr,
    });
    assert.deepEqual(parseImageUri(`${REGISTRY}/a/b-c@${DIGEST}`, REGISTRY), { repository: "a/b-c", digest: DIGEST });
  });

  it("anything else is refused and told", () => {
    const wrong = [
      `${REGISTRY}/r:latest`,
      `${REGISTRY}/r`,
      `${REGISTRY}/../r@${DIGEST}`,
      `${REGISTRY}/r@${DIGEST}0`,
      `${REGISTRY}/R@${DIGEST}`,
      `localhost:1/r@${DIGEST}`,
      `evil.example/r@${DIGEST}`,
      `${REGISTRY}/r@${DIGEST}\n`,
    ];
    for (const uri of wrong) {
      assert.throws(() => parseImageUri(uri, REGISTRY), { code: "ImageUriInvalid", source: "user" }, uri);
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.throws(() => parseImageUri(text, REGISTRY), { code: "ImageUriInvalid" });
      }),
    );
  });

  it("a function's variables cannot take the place of Lambda's", () => {
    const variables = { AWS_ACCESS_KEY_ID: "000000000000", AWS_REGION: "moon", MINE: "1", NODE_OPTIONS: "--trace-gc" };
    const { environment } = described({ Environment: { Variables: variables }, MemorySize: 256 });
    assert.equal(environment.AWS_ACCESS_KEY_ID, "ASIAROLE");
    assert.equal(environment.AWS_REGION, "eu-west-1");
    assert.equal(environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, "256");
    assert.equal(environment.MINE, "1");
    assert.equal(environment.NODE_OPTIONS, "--trace-gc");
  });

  it("calls that are none are refused", () => {
    for (const text of [
      "",
      "null",
      "[]",
      "{}",
      JSON.stringify(call({ FunctionName: "../x" })),
      JSON.stringify(call({ Timeout: -1 })),
    ]) {
      assert.throws(() => readCall(text), { code: "ContainerCallInvalid" }, text);
    }
  });

  it("its settings go before those of the image", () => {
    assert.deepEqual(commandOf(image, described()), ["/entry", "handler.handler"]);
    assert.deepEqual(commandOf(image, described({ ImageConfig: { Command: ["other.run"] } })), ["/entry", "other.run"]);
    assert.deepEqual(variablesOf(image, { A: "2" }), ["A=2", "B=x=y"]);
  });

  it("has no rights, no writable root, and limits", () => {
    const spec = JSON.parse(JSON.stringify(containerSpec(image, described(), {}, { ca: "/ca.pem" }, "/group")));
    assert.deepEqual(Object.values(spec.process.capabilities).flat(), []);
    assert.equal(spec.process.noNewPrivileges, true);
    assert.notEqual(spec.process.user.uid, 0);
    assert.equal(spec.root.readonly, true);
    assert.equal(spec.linux.resources.memory.limit, (128 + 512) * 2 ** 20);
    const writable = spec.mounts.filter(({ options }: { options: string[] }) => !options.includes("ro"));
    assert.deepEqual(writable.map(({ destination }: { destination: string }) => destination).sort(), [
      "/dev",
      "/dev/pts",
      "/dev/shm",
      "/proc",
      "/tmp",
    ]);
    const free = JSON.parse(JSON.stringify(containerSpec(image, described(), {}, { ca: "/ca.pem" }, undefined)));
    assert.equal(free.linux.resources, undefined);
  });

  it("the way it ended is told as Lambda tells it", () => {
    assert.deepEqual(exitOf(1, false), { reason: "exit status 1", outOfMemory: false });
    assert.deepEqual(exitOf(137, false), { reason: "signal: killed", outOfMemory: true });
    assert.deepEqual(exitOf(137, true), { reason: "signal: killed", outOfMemory: false });
    assert.deepEqual(exitOf(139, false), { reason: "signal: segmentation fault", outOfMemory: false });
  });
});

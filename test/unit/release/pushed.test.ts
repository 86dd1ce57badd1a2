import { strict as assert } from "node:assert";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { PushListener, type PushedImage } from "../../../automation/release/pushed";

const digest = `sha256:${"a".repeat(64)}`;
const contentDigest = `sha256:${"b".repeat(64)}`;
const urn = (type: string, name: string) => `urn:pulumi:images.local::tributary::x:Images$${type}::images-${name}`;

function ended(type: string, name: string, op: string, state: object): EngineEvent {
  const metadata = { urn: urn(type, name), op, new: { inputs: {}, outputs: {}, ...state } };
  return { sequence: 1, timestamp: 1, resOutputsEvent: { metadata } } as unknown as EngineEvent;
}

const revision = (name: string) =>
  ended("pulumi:index:Stash", `${name}-revision`, "same", { outputs: { output: { contentDigest } } });
const image = (name: string, op: string, outputs: object = { digest }) =>
  ended("docker-build:index:Image", `${name}-image`, op, { inputs: { tags: ["localhost:4566/r/i:x.1"] }, outputs });

describe("an image whose push has ended", () => {
  let pushed: PushedImage[];
  let listener: PushListener;
  beforeEach(() => {
    pushed = [];
    const nameOf = (name: string) => name.replace(/^images-|-image$/g, "");
    listener = new PushListener(nameOf, (each) => pushed.push(each));
  });

  it("is told at once, by its digest where it was pushed to", () => {
    for (const op of ["create", "update", "create-replacement"]) {
      listener.onEvent(revision(op));
      listener.onEvent(image(op, op));
    }
    const uri = `localhost:4566/r/i@${digest}`;
    const names = ["create", "update", "create-replacement"];
    assert.deepEqual(
      pushed,
      names.map((name) => ({ name, digest, contentDigest, uri })),
    );
  });

  it("is not one that stayed, failed, or is not known completely", () => {
    listener.onEvent(image("routing", "create"));
    listener.onEvent(revision("routing"));
    for (const op of ["same", "refresh", "delete", "replace"]) listener.onEvent(image("routing", op));
    listener.onEvent(image("routing", "create", {}));
    listener.onEvent({
      sequence: 1,
      timestamp: 1,
      resourcePreEvent: image("routing", "create").resOutputsEvent,
    } as never);
    assert.deepEqual(pushed, []);
  });
});

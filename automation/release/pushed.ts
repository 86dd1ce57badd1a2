import type { EngineEvent } from "@pulumi/pulumi/automation";

/** An image that was pushed a moment ago. */
export interface PushedImage {
  name: string;
  /** Of its manifest: `sha256:…`. */
  digest: string;
  contentDigest: string;
  /** `<registry that it was pushed to>/<repository>@sha256:…` */
  uri: string;
}

const imageType = "docker-build:index:Image";
const pushes = ["create", "update", "create-replacement"];
const revisionType = "pulumi:index:Stash";

/** Listens to the engine for images whose push has ended, so that what is made of them need not wait for the others. */
export class PushListener {
  private readonly contentDigests = new Map<string, string>();

  /**
   * @param nameOf the image's name from the logical name of its resource; `-image` and `-revision` are one
   * @param pushed called once for each image that was built and pushed
   * @param seen called for these, and for those that stayed as they were
   */
  constructor(
    private readonly nameOf: (logicalName: string) => string,
    private readonly pushed: (image: PushedImage) => void,
    private readonly seen: (image: PushedImage) => void = () => undefined,
  ) {}

  /** To be called with every event of the engine. */
  readonly onEvent = ({ resOutputsEvent }: EngineEvent): void => {
    if (!resOutputsEvent) return;
    const { urn, op, new: state } = resOutputsEvent.metadata;
    const type = urn.split("::")[2]?.split("$").pop();
    const logicalName = urn.split("::").slice(3).join("::");
    const outputs = (state?.outputs ?? {}) as Record<string, unknown>;
    if (type === revisionType) this.revised(this.nameOf(logicalName.replace(/-revision$/, "-image")), outputs);
    if (type !== imageType || ![...pushes, "same"].includes(op)) return;
    const name = this.nameOf(logicalName);
    const contentDigest = this.contentDigests.get(name);
    const [reference] = (state?.inputs.tags ?? []) as unknown[];
    if (contentDigest === undefined || typeof outputs.digest !== "string" || typeof reference !== "string") return;
    const { digest } = outputs;
    const image = { name, digest, contentDigest, uri: `${reference.slice(0, reference.lastIndexOf(":"))}@${digest}` };
    this.seen(image);
    if (op !== "same") this.pushed(image);
  };

  private revised(name: string, outputs: Record<string, unknown>): void {
    const { contentDigest } = (outputs.output ?? {}) as { contentDigest?: unknown };
    if (typeof contentDigest === "string") this.contentDigests.set(name, contentDigest);
  }
}

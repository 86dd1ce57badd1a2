import type { EngineEvent } from "@pulumi/pulumi/automation";

/** What a run did with one image. */
export interface ImageResult {
  name: string;
  /** `skipped`: not begun, because another one failed, the run was interrupted, or it was not asked for. */
  result: "built" | "unchanged" | "failed" | "skipped";
  /** Of its build, with waiting for a free place. */
  seconds?: number;
  /** Why it failed: what the provider said. */
  cause?: string;
  /** The last lines of its build. */
  lines?: string[];
}

const imageType = "docker-build:index:Image";
/** Lines of a build that are kept while it runs. */
const keptLines = 20;

/** Listens to the engine for what becomes of images, one by one. */
export class ImageListener {
  private readonly begun = new Map<string, number>();
  private readonly results = new Map<string, ImageResult>();
  private readonly output = new Map<string, string[]>();
  private readonly causes = new Map<string, string>();

  /**
   * @param nameOf the image's name from the logical name of its resource
   * @param now milliseconds
   */
  constructor(
    private readonly nameOf: (logicalName: string) => string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** To be called with every event of the engine. */
  readonly onEvent = (event: EngineEvent): void => {
    const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = event;
    if (resourcePreEvent && isImage(resourcePreEvent.metadata.urn)) this.begins(resourcePreEvent.metadata);
    if (resOutputsEvent && isImage(resOutputsEvent.metadata.urn)) this.ends(resOutputsEvent.metadata, "built");
    if (resOpFailedEvent && isImage(resOpFailedEvent.metadata.urn)) this.ends(resOpFailedEvent.metadata, "failed");
    if (diagnosticEvent?.urn !== undefined && isImage(diagnosticEvent.urn)) this.heard(diagnosticEvent);
  };

  /** All images that the engine spoke of, by name. */
  get images(): ImageResult[] {
    return [...this.results.values()]
      .map((image) => this.withWords(image))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  private begins({ urn, op }: { urn: string; op: string }): void {
    if (!this.begun.has(urn)) this.begun.set(urn, this.now());
    if (!builds(op)) return;
    // What was begun and never ended was interrupted.
    if (!this.results.has(urn)) this.results.set(urn, { name: this.name(urn), result: "skipped" });
  }

  private ends({ urn, op }: { urn: string; op: string }, how: "built" | "failed"): void {
    const name = this.name(urn);
    if (op === "same" || op === "refresh") {
      if (!this.results.has(urn)) this.results.set(urn, { name, result: "unchanged" });
    } else if (builds(op) || how === "failed") {
      const seconds = Math.round(this.now() - (this.begun.get(urn) ?? this.now())) / 1000;
      this.results.set(urn, { name, result: how, seconds });
    }
  }

  private heard({ urn = "", severity, message }: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const text = message.trimEnd();
    if (severity === "error") this.causes.set(urn, text.trim());
    if (severity !== "info" && severity !== "info#err") return;
    const lines = [...(this.output.get(urn) ?? []), ...text.split("\n").filter((line) => line.trim() !== "")];
    this.output.set(urn, lines.slice(-keptLines));
  }

  private withWords(image: ImageResult): ImageResult {
    if (image.result !== "failed") return image;
    const urn = [...this.results].find(([, each]) => each === image)?.[0] ?? "";
    const cause = this.causes.get(urn);
    return { ...image, ...(cause === undefined ? {} : { cause }), lines: this.output.get(urn) ?? [] };
  }

  private name(urn: string): string {
    return this.nameOf(urn.split("::").slice(3).join("::"));
  }
}

function isImage(urn: string): boolean {
  return urn.split("::")[2]?.split("$").pop() === imageType;
}

function builds(op: string): boolean {
  return ["create", "update", "create-replacement"].includes(op);
}

import { parse } from "yaml";
import type { ClientVariables } from "../backend";
import type { CommandContext } from "../commands/context";
import type { LocalAws } from "../local";
import { thisMachine } from "../packaging/native";
import type { Environment } from "../stacks/environments";
import { runSettings } from "../stacks/settingsFile";
import { Backends } from "./backends";
import { inputsFrom, type Inputs } from "./fingerprint";
import { imageInputs } from "./images";
import { programFiles, shortDigest, type FileDigests } from "./program";

/** Where and with what stacks are worked on, as far as that decides what an engine would do. */
export interface RunPlace {
  context: CommandContext;
  /** Version of the engine. */
  engine: string;
  /** The local AWS, for the environments that it serves. */
  aws: LocalAws | undefined;
  /** Variables that the engine gets beside this process's: of the local AWS, of a role. @default those of `aws`, and of its role */
  variables?: (stack: Environment) => Promise<ClientVariables>;
}

/** Looks at what a run would be made from; everything that stacks have in common is looked at once. */
export class Inspection {
  private common: Promise<FileDigests> | undefined;
  /** Backends of the stacks; to be closed. */
  readonly backends: Backends;

  constructor(private readonly place: RunPlace) {
    this.backends = new Backends(place.context, place.aws, place.variables);
  }

  /** Files of the checkout's program. */
  files(): Promise<FileDigests> {
    return (this.common ??= programFiles(this.place.context.root));
  }

  /**
   * What a run of a stack would be made from, or why only an engine can tell.
   *
   * @throws user errors of settings and images, as a run would
   */
  async inputs(stack: Environment): Promise<Inputs | { unknown: string }> {
    const { context, engine, aws } = this.place;
    if (stack.local && aws === undefined) return { unknown: "the local AWS does not run" };
    const surroundings: Record<string, string> = {
      "version of the engine": shortDigest(engine),
      region: shortDigest(stack.region ?? ""),
      ...(stack.local ? localSurroundings(aws!) : {}),
      // Archives are packed for, and with, this machine.
      ...(stack.image || stack.builds ? {} : { "platform of this machine": shortDigest(thisMachine) }),
    };
    if (!stack.builds) return this.with(settingsOf(await runSettings(stack)), surroundings);
    if (!stack.local) return this.remoteBuild(stack, surroundings);
    const built = await imageInputs(context, stack, aws!);
    if (built === undefined) return { unknown: byTag };
    const { settings, builder, images } = built;
    return this.with(settingsOf(settings), { ...surroundings, builder: shortDigest(builder ?? "") }, images);
  }

  private async remoteBuild(
    stack: Environment,
    surroundings: Record<string, string>,
  ): Promise<Inputs | { unknown: string }> {
    const bases = Object.values(stack.baseImages);
    const pinned = bases.length > 0 && bases.every((base) => typeof base === "string" && base.includes("@sha256:"));
    return pinned ? this.with(settingsOf(await runSettings(stack)), surroundings) : { unknown: byTag };
  }

  private async with(
    settings: Record<string, unknown>,
    surroundings: Record<string, string>,
    images: Record<string, string> = {},
  ): Promise<Inputs> {
    return inputsFrom({ files: await this.files(), settings, surroundings, images });
  }
}

const byTag =
  "it builds images on a base image that is named by a tag, and only its registry can tell what that is today";

/** Two local AWS's at the same address are told apart by the identity of their state. */
const localSurroundings = ({ endpoint, stateId }: LocalAws) => ({
  "address of the local AWS": shortDigest(endpoint),
  "what the local AWS holds": shortDigest(stateId),
});

/** Settings of a run as one object; what protects its secrets belongs to them. */
function settingsOf(text: string): Record<string, unknown> {
  const { config, ...others } = (parse(text) ?? {}) as { config?: Record<string, unknown> } & Record<string, unknown>;
  return { ...config, ...others };
}

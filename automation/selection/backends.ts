import { openBackend, type Backend, type ClientVariables } from "../backend";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import { findLocalAws, localAwsAs, type LocalAws } from "../local";
import type { Environment } from "../stacks/environments";
import { checkAccounts, roleVariables, type Accounts } from "../waves/accounts";

/** Backends of several stacks, opened as their engines would: each once, with the credentials of its role. To be closed. */
export class Backends {
  private readonly opened = new Map<string, Backend>();
  private accounts: Accounts | undefined;

  /**
   * @param aws the local AWS, where the caller has it. @default looked for
   * @param variables what the engine of a stack gets. @default those of the local AWS, and of the stack's role
   */
  constructor(
    private readonly context: CommandContext,
    private readonly aws?: LocalAws,
    private readonly variables?: (stack: Environment) => Promise<ClientVariables>,
  ) {}

  /** The backend that a stack's state is in. */
  async of(stack: Environment): Promise<Backend> {
    const variables = await (this.variables?.(stack) ?? this.own(stack));
    const key = JSON.stringify([stack.backend, Object.entries(variables).sort()]);
    const known = this.opened.get(key) ?? openBackend(this.context.root, stack, variables);
    this.opened.set(key, known);
    return known;
  }

  private async own(stack: Environment): Promise<ClientVariables> {
    const aws = stack.local ? (this.aws ?? (await findLocalAws(this.context.root))) : undefined;
    const env = aws ? localAwsAs(aws, stack.account).env : {};
    if (stack.role === undefined) return env;
    this.accounts ??= await checkAccounts([stack], aws);
    return { ...env, ...(await roleVariables(this.accounts, stack)) };
  }

  /**
   * Text of a recorded state in the backend of a stack, without an engine.
   *
   * @param beside the stack whose backend is looked into
   * @returns undefined when there is none
   * @throws TributaryError `StateUnreadable` where a backend does not let itself be read without an engine
   */
  async stateText(beside: Environment, project = beside.project, stack = beside.name): Promise<string | undefined> {
    const { engine, place } = await this.of(beside);
    const key = `stacks/${project}/${stack}.json`;
    const found = await engine?.get(key);
    if (found !== undefined) return found.text;
    const packed = (await engine?.list(`${key}.gz`))?.includes(`${key}.gz`);
    if (engine !== undefined && packed !== true) return undefined;
    const message = `states in ${place} are read by the engine only${packed ? ": they are packed (gzip)" : ""}`;
    throw new TributaryError(message, { code: "StateUnreadable", next: "leave out --changed" });
  }

  /** Lets go of connections. */
  close(): void {
    for (const backend of this.opened.values()) backend.close();
  }
}

import assert from "node:assert/strict";
import { serviceError } from "./command";

/** Step Functions' memory of Stage B's executions, as far as the layer uses it: starting them, and asking what became of one. */
export class FakeExecutions {
  /** Names of those that were started, in order. */
  readonly started: string[] = [];
  /** Names of those that somebody asked about, in order. */
  readonly described: string[] = [];
  /** Inputs of those that have not begun. */
  private waiting: string[] = [];
  private readonly inputs = new Map<string, string>();
  private readonly stopped = new Set<string>();

  start(name: string, input: string): object {
    if (this.started.includes(name)) throw serviceError("ExecutionAlreadyExists", 400);
    assert.match(name, /^[A-Za-z0-9-]{1,80}$/);
    assert.ok(Buffer.byteLength(input) < 256 * 1024);
    this.started.push(name);
    this.inputs.set(name, input);
    this.waiting.push(input);
    return {};
  }

  describe(executionArn: string): { status: string; input: string | undefined } {
    const name = executionArn.replace(/^machine-b:/, "");
    this.described.push(name);
    if (!this.started.includes(name)) throw serviceError("ExecutionDoesNotExist", 400);
    const running = this.waiting.map(batchOf).includes(name);
    const status = this.stopped.has(name) ? "ABORTED" : running ? "RUNNING" : "SUCCEEDED";
    return { status, input: this.inputs.get(name) };
  }

  /** Inputs of those that begin now. */
  begin(): string[] {
    return this.waiting.splice(0);
  }

  /** Stops those that have not begun, and answers their inputs. */
  stop(): string[] {
    const inputs = this.begin();
    for (const input of inputs) this.stopped.add(batchOf(input));
    return inputs;
  }
}

function batchOf(input: string): string {
  return (JSON.parse(input) as { batchId: string }).batchId;
}

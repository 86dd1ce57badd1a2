import { setTimeout as sleep } from "node:timers/promises";
import { failure, RuntimeApi, type Invocation, type Outcome } from "./runtimeApi";

/** How a container ended. */
export interface Exit {
  /** As Lambda words it: "exit status 1", "signal: killed". */
  reason: string;
  /** The memory limit ended it. */
  outOfMemory: boolean;
  /** Why the container could not be started at all; undefined where it could. */
  notStarted?: string;
}

/** A started container. */
export interface Running {
  exited: Promise<Exit>;
  /** Ends it and everything in it at once; returns when nothing of it is left. */
  kill(): Promise<void>;
}

/** Starts a container with these variables beside those of its image; its output comes line by line. */
export type Launch = (environment: Record<string, string>, output: (line: string) => void) => Promise<Running>;

/** An event, without its deadline: that depends on when the function gets it. */
export type FunctionRequest = Omit<Invocation, "deadline"> & {
  /** Milliseconds. */
  timeout: number;
};

/** The answer, and what the function printed meanwhile. */
export interface Answer extends Outcome {
  log: string;
}

/** How long a function may take to get ready (ms). Lambda's 10 s are for its own machines; a loaded one takes longer. */
const INIT_PATIENCE = 30_000;

/** Lines that came with an answer may arrive just after it. */
const LOG_GRACE = 5;

/** Bytes of output that are kept for an answer's log; the rest is in the log file. */
const LOG_LIMIT = 256 * 1024;

/** One execution environment of a function: a container and its Runtime API. It has one event at a time. */
export class FunctionContainer {
  private readonly api = new RuntimeApi();
  private log: string[] = [];
  private logSize = 0;
  private running: Running | undefined;
  /** Why the function did not get ready. */
  private notReady: Outcome | undefined;
  /** It has ended, or is about to. */
  ended = false;

  private constructor(private readonly initPatience: number) {}

  /**
   * Starts a container and waits until its function is ready; that it did not get ready is told by the first invocation.
   *
   * @throws what `launch` throws
   */
  static async start(
    launch: Launch,
    environment: Record<string, string>,
    options: { initPatience?: number } = {},
  ): Promise<FunctionContainer> {
    const container = new FunctionContainer(options.initPatience ?? INIT_PATIENCE);
    const address = await container.api.listen();
    try {
      const variables = { ...environment, AWS_LAMBDA_RUNTIME_API: address };
      container.running = await launch(variables, (line) => container.keep(line));
    } catch (error) {
      container.ended = true;
      container.api.close();
      throw error;
    }
    void container.running.exited.then((exit) => container.exited(exit));
    container.notReady = await container.getReady();
    return container;
  }

  /** Gives the function an event and returns its answer; an environment that failed as a whole is ended. */
  async invoke(request: FunctionRequest): Promise<Answer> {
    const outcome = this.notReady ?? (await this.run(request));
    await sleep(LOG_GRACE);
    const log = this.log.join("\n");
    this.log = [];
    this.logSize = 0;
    return { ...this.named(outcome, request), log };
  }

  /** Ends it; an invocation in progress is answered with an error. */
  async end(): Promise<void> {
    this.ended = true;
    await this.running?.kill();
    this.api.fail(failure("Runtime.ExitError", "Error: Runtime exited with error: signal: killed"));
    this.api.close();
  }

  private async getReady(): Promise<Outcome | undefined> {
    const controller = new AbortController();
    const patience = sleep(this.initPatience, undefined, { signal: controller.signal }).catch(() => undefined);
    const start = await Promise.race([this.api.start, patience]);
    controller.abort();
    if (start?.ready) return undefined;
    await this.end();
    const seconds = (this.initPatience / 1000).toFixed(2);
    return start?.outcome ?? failure("Sandbox.Timedout", `Init timed out after ${seconds} seconds`);
  }

  private async run(request: FunctionRequest): Promise<Outcome> {
    const deadline = Date.now() + request.timeout;
    const controller = new AbortController();
    const late = sleep(request.timeout, undefined, { signal: controller.signal }).then(
      () => timedOut(request.timeout),
      () => undefined,
    );
    const answer = await Promise.race([this.api.invoke({ ...request, deadline }), late]);
    controller.abort();
    const outcome = answer ?? timedOut(request.timeout);
    if (outcome.errorType === "Sandbox.Timedout") await this.end();
    return outcome;
  }

  private exited({ reason, outOfMemory, notStarted }: Exit): void {
    this.ended = true;
    if (notStarted !== undefined)
      this.api.fail(failure("ContainerFailed", `the container did not start: ${notStarted}`));
    if (outOfMemory) this.keep("Runtime.OutOfMemory: the function used more memory than its setting allows");
    this.api.fail(failure("Runtime.ExitError", `Error: Runtime exited with error: ${reason}`));
    this.api.close();
  }

  /** Lambda puts the request's id in front of the messages that are its own. */
  private named(outcome: Outcome, { requestId }: FunctionRequest): Outcome {
    if (outcome.errorType !== "Runtime.ExitError") return outcome;
    const value = JSON.parse(outcome.payload) as { errorMessage: string };
    return failure("Runtime.ExitError", `RequestId: ${requestId} ${value.errorMessage}`);
  }

  private keep(line: string): void {
    this.logSize += line.length;
    if (this.logSize <= LOG_LIMIT) this.log.push(line);
  }
}

function timedOut(milliseconds: number): Outcome {
  return failure("Sandbox.Timedout", `Task timed out after ${(milliseconds / 1000).toFixed(2)} seconds`);
}

import PQueue from "p-queue";
import type { CommandContext } from "../../commands/context";
import { messageOf, TributaryError } from "../../errors";
import { secondsSince, step } from "../../events";
import type { ActionModel, ApprovalAction, StageModel } from "../model";
import { runBuildAction, runPublishAction, type ActionContext } from "./actions";
import { saveRun, type ActionRun, type PipelineRun, type StageRun } from "./state";
import { resolveText, valueOf } from "./variables";

/** How a run is done. */
export interface ExecuteOptions {
  /** Names of approval actions, of their stages or of their environments that a person approves; `all` for every one. */
  approve: readonly string[];
  /** Asks the person at the terminal; undefined where there is none. */
  ask?: (question: string) => Promise<boolean>;
  /** Who approves, as the machine knows it. */
  who: string;
  /** Most builds at a time. */
  parallel: number;
  variables: Record<string, string>;
  environments: string[];
  /** Builds get nothing that earlier ones left. */
  fresh: boolean;
  /** Time for a stopped command to end by itself (ms). */
  patience: number;
}

/**
 * Runs the stages of a run that are not done yet, in their order; of a stage the actions of one run order side by side. How it
 * stands is written down after every action.
 *
 * @returns the run, with its end
 */
export async function execute(
  context: CommandContext,
  run: PipelineRun,
  options: ExecuteOptions,
): Promise<PipelineRun> {
  const started = performance.now();
  const before = run.seconds;
  const stages = new Stages(context, run, options);
  run.status = "RUNNING";
  try {
    run.status = await stages.all();
  } catch (error) {
    run.status = context.signal.aborted ? "STOPPED" : "FAILED";
    if (!context.signal.aborted) throw error;
  } finally {
    run.seconds = Math.round((before + secondsSince(started)) * 1000) / 1000;
    run.groups = [];
    if (run.status !== "WAITING") run.endedAt = new Date().toISOString();
    delete run.owner;
    await saveRun(context.root, run);
  }
  return run;
}

type Ended = Exclude<PipelineRun["status"], "RUNNING">;

class Stages {
  private readonly queue: PQueue;

  constructor(
    private readonly context: CommandContext,
    private readonly run: PipelineRun,
    private readonly options: ExecuteOptions,
  ) {
    this.queue = new PQueue({ concurrency: options.parallel });
  }

  async all(): Promise<Ended> {
    for (const [index, stage] of this.run.model.stages.entries()) {
      const state = this.run.stages[index]!;
      if (state.status === "SUCCEEDED" || state.status === "SKIPPED") continue;
      const started = performance.now();
      const before = state.seconds ?? 0;
      const ended = await this.stage(stage, state);
      state.seconds = Math.round((before + secondsSince(started)) * 1000) / 1000;
      await saveRun(this.context.root, this.run);
      if (ended !== "SUCCEEDED") return ended;
    }
    return "SUCCEEDED";
  }

  private async stage(stage: StageModel, state: StageRun): Promise<Ended> {
    const { condition } = stage;
    if (condition !== undefined) {
      const found = valueOf(this.run.namespaces, condition.variable);
      if (found !== condition.equals) {
        state.why = `${condition.variable} is ${found === undefined ? "not there" : `"${found}"`}, not "${condition.equals}"`;
        state.status = condition.otherwise === "skip" ? "SKIPPED" : "FAILED";
        for (const action of state.actions) action.status = "SKIPPED";
        return condition.otherwise === "skip" ? "SUCCEEDED" : "FAILED";
      }
    }
    for (;;) {
      state.status = "RUNNING";
      state.tries += 1;
      const ended = await this.actions(stage, state);
      state.status = ended;
      const again = ended === "FAILED" && stage.retry !== undefined && state.tries < 2;
      if (!again) return this.end(stage, ended);
      const which = stage.retry!.mode === "ALL_ACTIONS" ? "all its actions" : "what failed";
      this.say(`stage ${stage.name} failed and is tried once more, ${which}`);
      for (const action of state.actions) if (this.runsAgain(stage, action)) action.status = "PENDING";
    }
  }

  private runsAgain(stage: StageModel, { status }: ActionRun): boolean {
    return stage.retry!.mode === "ALL_ACTIONS" || !["SUCCEEDED", "SKIPPED"].includes(status);
  }

  private end(stage: StageModel, ended: Ended): Ended {
    if (ended === "FAILED" && stage.rollback) {
      this.say(
        `on AWS the stage ${stage.name} would now be run again with what its last successful execution had; not here`,
      );
    }
    return ended;
  }

  private async actions(stage: StageModel, state: StageRun): Promise<Ended> {
    const orders = [...new Set(stage.actions.map(({ runOrder }) => runOrder))].sort((a, b) => a - b);
    for (const order of orders) {
      const work = stage.actions.flatMap((action, index) =>
        action.runOrder === order && !done(state.actions[index]!) ? [{ action, state: state.actions[index]! }] : [],
      );
      await Promise.all(work.map((each) => this.queue.add(() => this.action(stage, each.action, each.state))));
      const statuses = work.map((each) => each.state.status);
      if (this.context.signal.aborted || statuses.includes("STOPPED")) return "STOPPED";
      if (statuses.some((status) => status === "FAILED" || status === "TIMED_OUT")) return "FAILED";
      if (statuses.includes("WAITING")) return "WAITING";
    }
    return "SUCCEEDED";
  }

  private async action(stage: StageModel, action: ActionModel, state: ActionRun): Promise<void> {
    if (this.context.signal.aborted) return void (state.status = "STOPPED");
    const started = performance.now();
    state.status = "RUNNING";
    delete state.why;
    await saveRun(this.context.root, this.run);
    const work = async (progress: (message: string) => void) => {
      await this.perform(stage, action, state, progress);
      if (["FAILED", "TIMED_OUT", "STOPPED"].includes(state.status)) throw new ActionEnded();
    };
    try {
      await step(this.context.sink, `${stage.name}: ${action.name}`, work);
    } catch (error) {
      if (!(error instanceof ActionEnded)) {
        state.status = this.context.signal.aborted ? "STOPPED" : "FAILED";
        state.why = messageOf(error);
      }
    }
    state.seconds = secondsSince(started);
    await saveRun(this.context.root, this.run);
  }

  private async perform(
    stage: StageModel,
    action: ActionModel,
    state: ActionRun,
    onProgress: (message: string) => void,
  ) {
    const { root, signal } = this.context;
    const { variables, environments, fresh, patience } = this.options;
    const context: ActionContext = {
      root,
      run: this.run,
      signal,
      variables,
      environments,
      fresh,
      patience,
      onProgress,
    };
    if (action.kind === "approval") return this.approval(stage, action, state);
    if (action.kind === "publish") {
      await runPublishAction(context, action);
      return void (state.status = "SUCCEEDED");
    }
    const build = await runBuildAction(context, stage.name, action);
    state.build = build;
    state.status = build.status;
    const failed = build.phases.find(({ status }) => status !== "SUCCEEDED");
    if (failed) state.why = `${failed.phase}: ${failed.context ?? failed.status}`;
  }

  private async approval(stage: StageModel, action: ApprovalAction, state: ActionRun): Promise<void> {
    const { approve, ask, who } = this.options;
    const message = resolveText(action.message, this.run.namespaces, `the approval ${action.name}`);
    state.why = message;
    const named = approve.some((name) => ["all", action.name, stage.name, action.environment].includes(name));
    if (named || (ask && (await ask(`${stage.name} of ${this.run.pipeline} waits for an approval: ${message}`)))) {
      state.status = "SUCCEEDED";
      state.approvedBy = who;
    } else {
      state.status = "WAITING";
    }
  }

  private say(text: string): void {
    this.context.sink({ type: "message", level: "warning", text });
  }
}

/** An action whose end is told in its state. */
class ActionEnded extends TributaryError {
  constructor() {
    super("the action did not succeed", { code: "PipelineFailed" });
  }
}

const done = ({ status }: ActionRun) => status === "SUCCEEDED" || status === "SKIPPED";

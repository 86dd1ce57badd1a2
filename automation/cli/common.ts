import type { ArgumentSpecification, FlagSpecification } from "./specification";

/** An environment of the checkout. */
export const environment: ArgumentSpecification = {
  name: "env",
  summary: "an environment: `local`, or another with a file Pulumi.<env>.yaml",
};

/** A dataset of an environment. */
export const dataset: ArgumentSpecification = {
  name: "dataset",
  summary: "a dataset as <team>/<dataset>, e.g. engineering/meteorites",
};

/** For commands that send objects on their way. */
export const wait: FlagSpecification = { name: "wait", summary: "return when every object has its final outcome" };

/** How long {@link wait} waits. */
export const timeout: FlagSpecification = {
  name: "timeout",
  summary: "longest wait of --wait; then the command fails and names what is still pending",
  value: "seconds",
  kind: "integer",
  default: 900,
};

/** For commands that run the engine on several stacks. */
export const parallel: FlagSpecification = {
  name: "parallel",
  summary: "most stacks at a time; without it as many as the memory of this machine allows",
  value: "n",
  kind: "integer",
};

/** For commands that push images. */
export const branchImages: FlagSpecification = {
  name: "branches",
  summary: "with --push: those of branches, which have repositories and a state of their own (stack images.branches)",
};

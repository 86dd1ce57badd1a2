import type { DistributionStep } from "../../settings/distribution";
import type { Buildspec, BuildReport } from "./buildspec";

/** The driver, as buildspecs call it: without npx, which takes half a second a call. */
const driver = "node bin/tributary.js";

/** Folder of what a build hands on. */
const handedOn = "out";

const node = "22";

interface Parts {
  variables?: Record<string, string>;
  exported?: string[];
  before?: string[];
  commands: string[];
  /** Run after the commands, also when one of them failed. */
  after?: string[];
  reports?: Record<string, BuildReport>;
  /** Files of {@link handedOn}. */
  files?: string[];
}

/** What all buildspecs have in common: dependencies first, and their cache. */
function buildspec({ variables, exported, before, commands, after, reports, files }: Parts): Buildspec {
  const env = {
    shell: "bash" as const,
    ...(variables ? { variables } : {}),
    ...(exported ? { "exported-variables": exported } : {}),
    "git-credential-helper": "yes" as const,
  };
  return {
    version: 0.2,
    env,
    phases: {
      install: { "runtime-versions": { nodejs: node }, commands: ["node bin/bootstrap.js install"] },
      ...(before ? { pre_build: { commands: before } } : {}),
      build: { commands: files ? [`mkdir -p ${handedOn}`, ...commands] : commands },
      ...(after ? { post_build: { commands: after } } : {}),
    },
    ...(reports ? { reports } : {}),
    ...(files ? { artifacts: { "base-directory": handedOn, files } } : {}),
    cache: { paths: ["node_modules/**/*", "/root/.cache/tributary/**/*"] },
  };
}

const junit = (file: string): BuildReport => ({
  files: [file],
  "base-directory": "reports",
  "file-format": "JUNITXML",
});

/** The command that tests of the setting `test` are run with. */
export interface TestSpec {
  command: string;
  coverage: boolean;
}

/**
 * Runs the tests. The command is the variable TEST_COMMAND's default, so that a person who starts the build can give another; only who
 * may start builds with other variables can, and the build's role may do nothing but write its log and its reports.
 */
export function testSpec({ command, coverage }: TestSpec): Buildspec {
  return buildspec({
    variables: { TEST_COMMAND: command },
    commands: ['bash -c "$TEST_COMMAND"'],
    reports: {
      tests: { files: ["*.xml"], "base-directory": "reports", "file-format": "JUNITXML" },
      ...(coverage
        ? {
            coverage: {
              files: ["cobertura-coverage.xml"],
              "base-directory": "reports/coverage",
              "file-format": "COBERTURAXML" as const,
            },
          }
        : {}),
    },
  });
}

/** Checks Dockerfiles, manifests and the settings of all environments, and lets both stages take the samples of all datasets. */
export function lintSpec(): Buildspec {
  return buildspec({
    commands: [`${driver} lint --junit reports/lint.xml`, `${driver} dataset test --junit reports/datasets.xml`],
    reports: { lint: junit("lint.xml"), datasets: junit("datasets.xml") },
  });
}

/** Builds the common layer's image and hands its digest on. */
export function layerSpec(): Buildspec {
  return buildspec({
    variables: { IMAGES_FLAGS: "--push" },
    commands: [`${driver} images build layer $IMAGES_FLAGS --json > ${handedOn}/layer.json`],
    files: ["layer.json"],
  });
}

/**
 * Builds all images whose content changed and asks what is known against them.
 *
 * @param of `branch`: of a branch, whose images have repositories of their own; `layer`: the artifact with the digest of a layer
 *   that has a repository of its own
 */
export function imagesSpec(
  scan: { critical: number; high: number } | false,
  of: { branch: boolean; layer?: string | undefined },
): Buildspec {
  const { branch, layer } = of;
  const from = layer === undefined ? "" : ` --layer "$CODEBUILD_SRC_DIR_${layer}/layer.json"`;
  const most = scan && `--max critical=${scan.critical},high=${scan.high}`;
  return buildspec({
    variables: { IMAGES_FLAGS: branch ? "--push --branches" : "--push" },
    commands: [
      `${driver} images build $IMAGES_FLAGS${from} --json > ${handedOn}/images.json`,
      ...(most ? [`${driver} images scan $IMAGES_FLAGS ${most} --junit reports/scan.xml`] : []),
    ],
    ...(most ? { reports: { scan: junit("scan.xml") } } : {}),
    files: ["images.json"],
  });
}

/** Builds all images into a registry of the build machine's own, which ends with it. */
export function buildCheckSpec(): Buildspec {
  return buildspec({ commands: [`${driver} images build`] });
}

/** Brings the pipelines to what the commit says. It builds nothing and reads no image. */
export function updateSpec(pipeline: string): Buildspec {
  return buildspec({
    exported: ["RESTARTED"],
    commands: [`${driver} pipeline update ${pipeline} --variables update.env`, ". ./update.env"],
  });
}

/** Finds the tag that an execution is for. */
export function tagSpec(environment: string, team: string): Buildspec {
  return buildspec({
    exported: ["TAG", "REGION_FLAGS", "VERSION"],
    commands: [`${driver} pipeline tag ${environment} ${team} --tag "$RELEASE_TAG" --variables tag.env`, ". ./tag.env"],
  });
}

/** How an environment is planned and deployed. */
export interface EnvironmentSpec {
  environment: string;
  /** Artifact with the images' digests; the first image build of the pipeline. Undefined: the settings name them. */
  images?: string;
  /** A release: REGION_FLAGS says which region. */
  regional?: boolean;
}

const pin = ({ environment, images }: EnvironmentSpec) =>
  images === undefined
    ? {}
    : { before: [`${driver} images pin ${environment} --from "$CODEBUILD_SRC_DIR_${images}/images.json"`] };

const regionFlags = ({ regional }: EnvironmentSpec) => (regional ? " $REGION_FLAGS" : "");

/** Plans an environment and asks its gates. What later stages decide by is exported. */
export function planSpec(spec: EnvironmentSpec): Buildspec {
  const { environment } = spec;
  return buildspec({
    exported: ["BROADENS", "APPROVAL", "PLAN_ID", "SUMMARY"],
    ...pin(spec),
    commands: [
      `${driver} plan ${environment}${regionFlags(spec)} --out ${handedOn}/plan.json --markdown ${handedOn}/plan.md`,
      `${driver} gate ${environment} --plan ${handedOn}/plan.json --variables gate.env --junit reports/gates.xml`,
      ". ./gate.env",
    ],
    reports: { gates: junit("gates.xml") },
    files: ["plan.json", "plan.md"],
  });
}

/**
 * Deploys an environment. Not with `--plan`: an execution that was planned while an earlier one deployed would stop at the difference.
 * The gates are asked again instead, and an approval holds for exactly the plan that was approved. The environment's figures are published
 * afterwards, whatever became of the deployment; that they cannot be is no failure of it.
 */
export function deploySpec(spec: EnvironmentSpec): Buildspec {
  const { environment } = spec;
  const reason = "approved in the pipeline";
  return buildspec({
    ...pin(spec),
    commands: [
      `if [ "$APPROVAL" = true ]; then ${driver} approve ${environment} "$PLAN_ID" --reason "${reason}"; fi`,
      `${driver} deploy ${environment}${regionFlags(spec)}`,
    ],
    after: [`${driver} dora ${environment} --publish || echo "the figures are published by the next deployment"`],
  });
}

/** Asks an environment whether it does what it should: the setting `tributary:checks`. */
export function verifySpec(environment: string): Buildspec {
  return buildspec({
    commands: [`${driver} verify ${environment} --junit reports/verify.xml`],
    reports: { verify: junit("verify.xml") },
  });
}

/** Asks Resilience Hub. */
export function resilienceSpec(environment: string, application: string): Buildspec {
  return buildspec({
    commands: [`${driver} resilience ${environment} --application ${application} --junit reports/resilience.xml`],
    reports: { resilience: junit("resilience.xml") },
  });
}

/** How a branch's environment is brought up. */
export interface BranchSpec {
  branch: string;
  /** Name of its environment. */
  environment: string;
  template: string;
  ttl: string;
  /** Artifact with the images' digests. */
  images: string;
}

/**
 * A branch's own environment, with its pipeline's images. It is verified in the same build: its settings are in no commit, so that no
 * other clone knows it.
 */
export function branchUpSpec({ branch, environment, template, ttl, images }: BranchSpec): Buildspec {
  // The branch's name is checked text of a setting; it is given as a variable all the same, never as a part of a command.
  return buildspec({
    variables: { BRANCH: branch },
    commands: [
      `${driver} branch up "$BRANCH" --template ${template} --ttl "${ttl}" --images "$CODEBUILD_SRC_DIR_${images}/images.json"`,
      `${driver} verify ${environment} --junit reports/verify.xml`,
    ],
    reports: { verify: junit("verify.xml") },
  });
}

/** Removes environments whose branch is gone, or that have expired. */
export function branchPruneSpec(template: string): Buildspec {
  return buildspec({ commands: [`${driver} branch prune --template ${template}`] });
}

/** Delivers something else than the lake. */
export function distributionSpec(environment: string, step: DistributionStep): Buildspec {
  return buildspec({ commands: [distribution(environment, step)] });
}

function distribution(environment: string, step: DistributionStep): string {
  switch (step.kind) {
    case "lambdaLayers":
      return `${driver} distribute layers ${environment} --name ${step.name} --folder ${step.folder} --regions ${step.regions.join(",")} --runtimes ${step.runtimes.join(",")}`;
    case "glueJob":
      return `${driver} distribute glue ${environment} --job ${step.name} --script ${step.script}${step.test === undefined ? "" : ` --test "${step.test}"`}`;
    case "sqlMigrations":
      return `${driver} migrate ${environment} --folder ${step.folder} --engine ${step.engine}${step.database === undefined ? "" : ` --database ${step.database}`}${step.workgroup === undefined ? "" : ` --workgroup ${step.workgroup}`}`;
  }
}

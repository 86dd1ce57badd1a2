/** What a build is told about itself. */
export interface BuildIdentity {
  /** `<project>:<uuid>` */
  id: string;
  pipeline: string;
  /** How many runs there were, this one included. */
  number: number;
  /** Commit, or digest of a source that is no repository. */
  revision: string;
  /** Address of the repository. */
  repository: string;
  region: string;
  account: string;
  /** Folder of the primary input. */
  source: string;
  /** Folders of the others, by artifact. */
  secondary: Record<string, string>;
}

/** Variables that would make a build here another one than in CodeBuild: those of a person's AWS, Pulumi, Node, npm and git. */
const foreign =
  /^(AWS_|PULUMI_|NODE_OPTIONS$|NODE_PATH$|NODE_V8_COVERAGE$|TS_NODE|npm_|GIT_|CODEBUILD_|TRIBUTARY_|INIT_CWD$|MOCHA_)/;

/** Of these what this machine needs: where packages come from, and where tools are kept. */
const ours = /^(npm_config_(registry|cafile|userconfig|globalconfig)|TRIBUTARY_(CACHE|PYTHON))$/i;

/** A build's environment: this machine's, and what CodeBuild sets. */
export function buildEnvironment(
  identity: BuildIdentity,
  inherited: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const { id, pipeline, region, account, source, secondary } = identity;
  const kept = Object.entries(inherited).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && (!foreign.test(entry[0]) || ours.test(entry[0])),
  );
  const folders = Object.entries(secondary).map(([name, folder]) => [`CODEBUILD_SRC_DIR_${name}`, folder]);
  return {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(folders),
    CI: "true",
    CODEBUILD_CI: "true",
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    CODEBUILD_BUILD_ARN: `arn:aws:codebuild:${region}:${account}:build/${id}`,
    CODEBUILD_BUILD_ID: id,
    CODEBUILD_BUILD_NUMBER: String(identity.number),
    CODEBUILD_BUILD_SUCCEEDING: "1",
    CODEBUILD_INITIATOR: `codepipeline/${pipeline}`,
    CODEBUILD_RESOLVED_SOURCE_VERSION: identity.revision,
    CODEBUILD_SOURCE_VERSION: identity.revision,
    CODEBUILD_SOURCE_REPO_URL: identity.repository,
    CODEBUILD_SRC_DIR: source,
    CODEBUILD_START_TIME: String(Date.now()),
  };
}

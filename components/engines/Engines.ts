import type * as pulumi from "@pulumi/pulumi";
import type { LakeSettings } from "../../automation/settings";
import type { Manifest } from "../../layer/manifest-schema";
import { type EngineName, enginesOf } from "../../layer/manifest/engine";
import { Component } from "../Component";
import { type Catalog, RESULTS_PREFIX } from "../datasets/Catalog";
import { type Grantee } from "../iam";
import type { Scope } from "../scope";
import type { StageBEngines } from "../stages/engineStates";
import { timings } from "../stages/timings";
import type { LakeStorage } from "../storage/LakeStorage";
import { toSeconds } from "../units";
import { AthenaInputs } from "./AthenaInputs";
import { Crawlers } from "./Crawlers";
import { GlueJob, type GlueJobArgs, glueJobName } from "./GlueJob";
import { ENGINES, ICEBERG, PRE } from "./prefixes";
import { grantQueryOutput } from "./queryOutput";

/** Arguments of {@link Engines}. */
export interface EnginesArgs {
  scope: Scope;
  settings: LakeSettings["engines"];
  manifests: readonly Manifest[];
  storage: LakeStorage;
  catalog: Catalog;
  /** Changes to the children. */
  transform?: { glue?: GlueJobArgs["transform"] };
}

/** The parts of {@link Engines}: only what a dataset asks for. */
export interface EnginesNodes {
  glue?: GlueJob;
  athena?: AthenaInputs;
  crawlers?: Crawlers;
}

/** What works besides DuckDB in a function: a Spark job, Athena's inputs, crawlers. A lake that asks for none has none. */
export class Engines extends Component<EnginesNodes> {
  readonly nodes: EnginesNodes;
  private readonly args: EnginesArgs;

  constructor(name: string, args: EnginesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("engines:Engines", name, opts);
    this.args = args;
    const { scope, settings, manifests, storage, catalog, transform } = args;
    const using = (engine: EngineName) => manifests.filter((manifest) => enginesOf(manifest).includes(engine));
    const crawled = manifests.filter(({ catalogue }) => catalogue.crawler);
    const glue = { scope, storage, catalog, settings: settings.glue, transform: transform?.glue };
    const files = storage.stage;
    this.nodes = {
      ...(using("glue").length > 0 && { glue: new GlueJob(`${name}-glue`, glue, this.child()) }),
      ...(using("athena").length > 0 && {
        athena: new AthenaInputs(`${name}-athena`, { scope, files, manifests: using("athena") }, this.child()),
      }),
      ...(crawled.length > 0 && {
        crawlers: new Crawlers(`${name}-crawlers`, { scope, files, catalog, manifests: crawled }, this.child()),
      }),
    };
    this.registerOutputs({});
  }

  /** What Stage B's definition needs of them. */
  get states(): StageBEngines {
    const { scope, settings, catalog } = this.args;
    const { glue, athena } = this.nodes;
    const { query, stale, glueMargin } = timings.stageB;
    return {
      ...(glue && {
        glue: { job: glueJobName(scope), margin: toSeconds(glueMargin, "timings.stageB.glueMargin") },
      }),
      ...(athena && {
        athena: {
          workgroup: catalog.names.workgroup,
          database: catalog.names.database,
          objects: settings.athenaObjects,
          timeout: toSeconds(query, "timings.stageB.query"),
        },
      }),
      ...(this.iceberg && {
        iceberg: {
          workgroup: catalog.names.workgroup,
          database: catalog.names.database,
          timeout: toSeconds(stale, "timings.stageB.stale"),
        },
      }),
    };
  }

  private get iceberg(): boolean {
    return this.args.manifests.some(({ output }) => output.format === "iceberg");
  }

  /** Allows what Step Functions does while a batch is with an engine; Athena works with the rights of who asks. */
  grantRun(grantee: Grantee): void {
    const { storage, catalog } = this.args;
    this.nodes.glue?.grantRun(grantee);
    if (this.nodes.athena === undefined && !this.iceberg) return;
    catalog.grantQueries(grantee);
    for (const prefix of [...(this.nodes.athena ? [ENGINES] : []), ICEBERG]) {
      storage.stage.grantRead(grantee, prefix);
      grantQueryOutput(storage.stage, grantee, prefix);
    }
    storage.stage.grantDelete(grantee, ICEBERG);
    storage.analytics.grantRead(grantee, RESULTS_PREFIX);
    grantQueryOutput(storage.analytics, grantee, RESULTS_PREFIX);
    catalog.grantTables(grantee, "write");
  }

  /** Allows what happens before and after an engine's work: giving it its input, and its files their final names. */
  grantSteps(grantee: Grantee): void {
    const { storage, catalog } = this.args;
    const { glue, athena } = this.nodes;
    if (glue === undefined && athena === undefined) return;
    for (const prefix of [PRE, ENGINES]) storage.stage.grantRead(grantee, prefix, { list: true });
    for (const prefix of [ENGINES, "post/", "quarantine/"]) storage.stage.grantWrite(grantee, prefix);
    storage.stage.grantDelete(grantee, "post/");
    if (athena) {
      catalog.grantResults(grantee);
      storage.analytics.grantRead(grantee, RESULTS_PREFIX);
    }
  }
}

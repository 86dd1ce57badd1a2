import type * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { Scope } from "../scope";
import { ControlTable, type ControlTableArgs } from "./ControlTable";
import type { CustomerKey } from "./CustomerKey";

/** Arguments of {@link ControlTables}. */
export interface ControlTablesArgs {
  scope: Scope;
  /** Key that the tables are encrypted with. */
  key: CustomerKey;
  /** Refuses the tables' deletion until it is switched off. @default true */
  deletionProtection?: boolean;
  /** Keeps 35 days in which the tables can be restored to any second. @default true */
  pointInTimeRecovery?: boolean;
  /** Changes to the tables. */
  transform?: Partial<Record<keyof Tables, ControlTableArgs["transform"]>>;
}

/** The tables of {@link ControlTables}. */
export interface Tables {
  /** One item an object version, and one a key that names the current version. */
  objectMetadata: ControlTable;
  /** One item each attempt at an object in a stage. */
  executionHistory: ControlTable;
  /** One item a dataset: its manifest and its queues. */
  datasets: ControlTable;
  /** Which batches were done already (Powertools idempotency). */
  idempotency: ControlTable;
}

type TableKeys = Pick<ControlTableArgs, "what" | "hashKey" | "rangeKey" | "expiresAttribute">;

/** Names and keys; the items are described in docs/architecture.md. */
const tables: Readonly<Record<keyof Tables, TableKeys>> = {
  objectMetadata: { what: "object-metadata", hashKey: "keyId", rangeKey: "version" },
  executionHistory: {
    what: "execution-history",
    hashKey: "datasetId",
    rangeKey: "execution",
    expiresAttribute: "expiresAt",
  },
  datasets: { what: "datasets", hashKey: "team", rangeKey: "dataset" },
  idempotency: { what: "idempotency", hashKey: "id", expiresAttribute: "expiration" },
};

/** What the lake knows about its objects, executions and datasets. */
export class ControlTables extends Component<Tables> {
  readonly nodes: Tables;

  constructor(name: string, args: ControlTablesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("storage:ControlTables", name, opts);
    const { transform, ...shared } = args;
    const table = (role: keyof Tables) =>
      new ControlTable(
        `${name}-${tables[role].what}`,
        { ...shared, ...tables[role], transform: transform?.[role] },
        this.child(),
      );
    this.nodes = {
      objectMetadata: table("objectMetadata"),
      executionHistory: table("executionHistory"),
      datasets: table("datasets"),
      idempotency: table("idempotency"),
    };
    this.registerOutputs({});
  }
}

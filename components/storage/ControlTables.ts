import type * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { Scope } from "../scope";
import { ControlTable, type ControlTableArgs } from "./ControlTable";
import type { CustomerKey } from "./CustomerKey";
import { tables, type TableRole } from "./tableKeys";

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
  transform?: Partial<Record<TableRole, ControlTableArgs["transform"]>>;
}

/** The tables of {@link ControlTables}; docs/control-tables.md tells who asks them what. */
export interface Tables extends Record<TableRole, ControlTable> {
  /** One item an object version, and one a key that names the current version. */
  objectMetadata: ControlTable;
  /** One item each attempt at an object in a stage. */
  executionHistory: ControlTable;
  /** One item a dataset: its manifest and its queues. */
  datasets: ControlTable;
  /** One item a team. */
  teams: ControlTable;
  /** One item a stage of the pipeline that datasets go through. */
  pipelines: ControlTable;
  /** What the lake was deployed with. */
  configuration: ControlTable;
  /** One item a version of what a dataset's objects look like. */
  dataSchemas: ControlTable;
  /** Counters of each dataset and day. */
  metrics: ControlTable;
  /** What happened to datasets and objects besides tries. */
  events: ControlTable;
  /** One item a Stage B batch: what it wrote. */
  artifacts: ControlTable;
  /** Which batches were done already (Powertools idempotency). */
  idempotency: ControlTable;
}

/** What the lake knows about its teams, datasets, objects and executions. */
export class ControlTables extends Component<Tables> {
  readonly nodes: Tables;

  constructor(name: string, args: ControlTablesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("storage:ControlTables", name, opts);
    const { transform, ...shared } = args;
    const table = (role: TableRole) =>
      new ControlTable(
        `${name}-${tables[role].what}`,
        { ...shared, ...tables[role], transform: transform?.[role] },
        this.child(),
      );
    const roles = Object.keys(tables) as TableRole[];
    this.nodes = Object.fromEntries(roles.map((role) => [role, table(role)])) as unknown as Tables;
    this.registerOutputs({});
  }

  /** The tables' names as the stack's outputs show them: `<role>Table`. */
  get outputs(): Record<`${Exclude<TableRole, "idempotency">}Table`, pulumi.Output<string>> {
    const { idempotency: _internal, ...told } = this.nodes;
    return Object.fromEntries(
      Object.entries(told).map(([role, table]) => [`${role}Table`, table.tableName]),
    ) as ControlTables["outputs"];
  }
}

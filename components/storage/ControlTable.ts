import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import type { Grantee } from "../iam";
import { physicalName, type Scope } from "../scope";
import type { CustomerKey } from "./CustomerKey";

/** Another order in which a table's items can be found. An item without the index's keys is not in it. */
export interface TableIndex {
  /** Partition key, a string attribute. */
  hashKey: string;
  /** Sort key, a string attribute. */
  rangeKey: string;
  /**
   * What the index holds of an item: only the keys, which makes it cheap where items change after they were made, or all of
   * it.
   */
  holds: "keys" | "all";
}

/** Arguments of {@link ControlTable}. */
export interface ControlTableArgs {
  scope: Scope;
  /** What the table holds; part of its physical name. */
  what: string;
  /** Partition key, a string attribute. */
  hashKey: string;
  /** Sort key, a string attribute. @default none */
  rangeKey?: string;
  /** Global secondary indexes by name. @default none */
  indexes?: Readonly<Record<string, TableIndex>>;
  /** Attribute with the second (Unix time) after which an item is deleted. @default items stay */
  expiresAttribute?: string;
  /** Key that the table is encrypted with. */
  key: CustomerKey;
  /** Refuses the table's deletion until it is switched off. @default true */
  deletionProtection?: boolean;
  /** Keeps 35 days in which the table can be restored to any second. @default true */
  pointInTimeRecovery?: boolean;
  /** Changes to the children. */
  transform?: { table?: Transform<aws.dynamodb.TableArgs> };
}

/** What a function may do with a table's items; in a transaction, too. */
export type TableAction = "GetItem" | "BatchGetItem" | "Query" | "PutItem" | "UpdateItem" | "DeleteItem";

const reads: readonly TableAction[] = ["GetItem", "BatchGetItem", "Query"];

/** A DynamoDB table that bills on demand, encrypted with a key of ours, recoverable, protected from deletion. */
export class ControlTable extends Component<{ table: aws.dynamodb.Table }> {
  readonly nodes: { table: aws.dynamodb.Table };
  /** The table's name. */
  readonly tableName: pulumi.Output<string>;
  /** The table's ARN. */
  readonly arn: pulumi.Output<string>;
  private readonly key: CustomerKey;

  constructor(name: string, args: ControlTableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("storage:ControlTable", name, opts);
    this.key = args.key;
    const indexes = Object.entries(args.indexes ?? {});
    const table = new aws.dynamodb.Table(
      `${name}-table`,
      transformed(args.transform?.table, {
        name: physicalName("dynamodbTable", args.scope, args.what),
        billingMode: "PAY_PER_REQUEST",
        hashKey: args.hashKey,
        rangeKey: args.rangeKey,
        attributes: keysOf(args).map((key) => ({ name: key, type: "S" })),
        ...(indexes.length > 0 && { globalSecondaryIndexes: indexes.map(([index, how]) => indexArgs(index, how)) }),
        serverSideEncryption: { enabled: true, kmsKeyArn: args.key.arn },
        pointInTimeRecovery: { enabled: args.pointInTimeRecovery ?? true },
        deletionProtectionEnabled: args.deletionProtection ?? true,
        ...(args.expiresAttribute && { ttl: { enabled: true, attributeName: args.expiresAttribute } }),
      }),
      this.child(),
    );
    this.tableName = table.name;
    this.arn = table.arn;
    this.nodes = { table };
    this.registerOutputs({ tableName: this.tableName, arn: this.arn });
  }

  /** Allows exactly these actions on the table's items, and the key as far as they need it. */
  grant(grantee: Grantee, ...actions: TableAction[]): void {
    const use = actions.every((action) => reads.includes(action)) ? "read" : "write";
    grantee.addStatements(
      { actions: actions.map((action) => `dynamodb:${action}`), resources: [this.arn] },
      this.key.statement(use, "dynamodb"),
    );
  }

  /** Allows queries of one index. */
  grantQuery(grantee: Grantee, index: string): void {
    grantee.addStatements(
      { actions: ["dynamodb:Query"], resources: [pulumi.interpolate`${this.arn}/index/${index}`] },
      this.key.statement("read", "dynamodb"),
    );
  }
}

/** Attributes that are keys of the table or of an index, each once. */
function keysOf({ hashKey, rangeKey, indexes = {} }: ControlTableArgs): string[] {
  const all = [hashKey, rangeKey, ...Object.values(indexes).flatMap((index) => [index.hashKey, index.rangeKey])];
  return [...new Set(all.filter((key) => key !== undefined))];
}

function indexArgs(
  name: string,
  { hashKey, rangeKey, holds }: TableIndex,
): aws.types.input.dynamodb.TableGlobalSecondaryIndex {
  return {
    name,
    keySchemas: [
      { attributeName: hashKey, keyType: "HASH" },
      { attributeName: rangeKey, keyType: "RANGE" },
    ],
    projectionType: holds === "keys" ? "KEYS_ONLY" : "ALL",
  };
}

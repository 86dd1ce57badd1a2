import type { Stateful } from "./types";

const data = (holds: string, loss: string): Stateful => ({ holds, loss });

/**
 * Types whose resources hold what no deployment can bring back, from the documentation of each service's delete
 * operation. A type that is not here is taken for configuration.
 */
const types: Readonly<Record<string, Stateful>> = {
  "aws:s3/bucket:Bucket": data("objects", "its objects and their versions"),
  "aws:s3/bucketV2:BucketV2": data("objects", "its objects and their versions"),
  "aws:s3/directoryBucket:DirectoryBucket": data("objects", "its objects"),
  "aws:s3tables/tableBucket:TableBucket": data("tables", "its tables"),
  "aws:dynamodb/table:Table": data("items", "its items, and the point-in-time backups with them after 35 days"),
  "aws:dynamodb/globalTable:GlobalTable": data("items", "its items in every region"),
  "aws:sqs/queue:Queue": data("messages", "the messages that wait in it, in a DLQ the failed ones"),
  "aws:kinesis/stream:Stream": data("records", "the records that were not read yet"),
  "aws:kms/key:Key": data("a key", "everything that is encrypted with it, once its deletion window is over"),
  "aws:kms/replicaKey:ReplicaKey": data("a key", "the access to what is encrypted with it in this region"),
  "aws:cloudwatch/logGroup:LogGroup": data("log events", "its log events"),
  "aws:ecr/repository:Repository": data("images", "its images, which environments may run and roll back to"),
  "aws:secretsmanager/secret:Secret": data("a secret", "its value, once its recovery window is over"),
  "aws:ssm/parameter:Parameter": data("a value", "its value and earlier versions"),
  "aws:rds/instance:Instance": data("a database", "its database"),
  "aws:rds/cluster:Cluster": data("a database", "its database"),
  "aws:docdb/cluster:Cluster": data("a database", "its database"),
  "aws:neptune/cluster:Cluster": data("a database", "its database"),
  "aws:redshift/cluster:Cluster": data("a database", "its database"),
  "aws:elasticache/replicationGroup:ReplicationGroup": data("cached data", "its data"),
  "aws:opensearch/domain:Domain": data("indexes", "its indexes"),
  "aws:efs/fileSystem:FileSystem": data("files", "its files"),
  "aws:fsx/lustreFileSystem:LustreFileSystem": data("files", "its files"),
  "aws:ebs/volume:Volume": data("a disk", "its blocks"),
  "aws:backup/vault:Vault": data("backups", "its recovery points"),
  "aws:glue/catalogDatabase:CatalogDatabase": data(
    "table definitions",
    "the definitions of tables that were added to it",
  ),
  "aws:athena/workgroup:Workgroup": data("query history", "its query history and saved queries"),
  "aws:cognito/userPool:UserPool": data("users", "its users"),
  "aws:route53/zone:Zone": data("DNS records", "its records, and a delegation that points to it"),
  "aws:codecommit/repository:Repository": data("source code", "its history"),
  "aws:codeartifact/repository:Repository": data("packages", "its packages"),
  "aws:timestreamwrite/table:Table": data("records", "its records"),
};

/** What a resource of this type holds that is lost with it; undefined for configuration. */
export function statefulness(type: string): Stateful | undefined {
  return Object.hasOwn(types, type) ? types[type] : undefined;
}

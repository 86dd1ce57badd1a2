/** Stage A's files in the stage bucket. */
export const PRE = "pre/";
/** What engines that work elsewhere are given and give back; a lifecycle rule empties it. */
export const ENGINES = "engines/";
/** Files of Iceberg tables, which the tables themselves keep in order. */
export const ICEBERG = "iceberg/";

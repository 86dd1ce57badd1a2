import { z } from "zod";
import { type Duration, toDays } from "../../components/units";

/** A value that satisfies `accepts`; its error is the sentence that says what is allowed. */
export function leaf<T>(accepts: (value: T) => boolean, allowed: string) {
  return z.custom<T>(
    (value) => {
      try {
        return accepts(value as T);
      } catch {
        return false;
      }
    },
    { error: allowed },
  );
}

/** `true` or `false`. */
export const yesOrNo = leaf<boolean>((value) => typeof value === "boolean", "true or false");

/** Whole days within limits. */
export const days = (from: number, to: number) =>
  leaf<Duration>(
    (value) => toDays(value, "") >= from && toDays(value, "") <= to,
    `whole days from "${from} days" to "${to} days"`,
  );

const tagKey = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
const ownTags = ["project", "env", "stack"];

/** Tags of resources. */
export const tags = z
  .record(
    z.string(),
    leaf<string>(
      (value) => typeof value === "string" && tagValue.test(value),
      "up to 256 letters, digits, spaces and _.:/=+-@",
    ),
    { error: "an object of tags" },
  )
  .superRefine((given, context) => {
    for (const key of Object.keys(given)) {
      const allowed = tagKey.test(key) && !ownTags.includes(key);
      if (!allowed) {
        const message = `another key: 1 to 128 letters, digits, spaces and _.:/=+-@, not "aws:…", not ${ownTags.join(", ")}`;
        context.addIssue({ code: "custom", path: [key], message });
      }
    }
  });

const backendAddress = /^(s3|gs|azblob|file|https):\/\/[^\s"'@]{1,500}$/;

/** Address of a backend of Pulumi, which keeps the stack's state. It is read by the driver, before there is a program. */
export const backend = leaf<string>(
  (value) => typeof value === "string" && backendAddress.test(value),
  'an address without a login that begins with s3://, gs://, azblob://, file:// or https://, e.g. "s3://<bucket>?region=<region>"',
);

const region = "[a-z]{2,4}(?:-[a-z]+)+-\\d{1,2}";
const keyId = "(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})";
const aliasName = "alias/(?!aws/)[A-Za-z0-9/_-]{1,240}";
const keyArn = `arn:(aws[a-z-]*):kms:(${region}):(\\d{12}):(key/${keyId}|${aliasName})`;
const providerAddress = new RegExp(`^awskms:///?(?:${keyArn}|(${keyId}|${aliasName}))\\?region=(${region})$`);

/** The key of a secrets provider. Account and partition only where the address is an ARN. */
export interface ProviderKey {
  region: string;
  account: string | undefined;
  partition: string | undefined;
  /** `key/<id>` or `alias/<name>`. */
  resource: string;
}

/** Reads the address of a secrets provider, as gocloud's `awskms` does; undefined when it is none, or contradicts itself. */
export function providerKey(address: string): ProviderKey | undefined {
  const found = providerAddress.exec(address);
  if (!found) return undefined;
  const [, partition, of, account, full, short, asked] = found;
  if (of !== undefined && of !== asked) return undefined;
  // Behind two slashes an ARN would be a host with a port.
  if (full !== undefined && !address.startsWith("awskms:///")) return undefined;
  const resource = full ?? (short!.startsWith("alias/") ? short! : `key/${short!}`);
  return { region: asked!, account, partition, resource };
}

/** The key that encrypts secrets in a stack's state: a secrets provider of Pulumi, of AWS KMS. */
export const secretsProvider = leaf<string>(
  (value) => typeof value === "string" && providerKey(value) !== undefined,
  'the address of a key of AWS KMS with its region, e.g. "awskms://alias/<name>?region=eu-west-1", "awskms://<key id>?region=…" or "awskms:///<ARN>?region=…"',
);

/** Whether a value is written like the name of an AWS region. */
export const isRegion = (value: unknown): value is string =>
  typeof value === "string" && /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/.test(value);

/**
 * A command on one line.
 *
 * @param longest characters
 * @param without characters that it must not have. @default none
 */
export const line = (longest: number, without?: RegExp) =>
  leaf<string>(
    (value) =>
      typeof value === "string" &&
      value.trim() !== "" &&
      value.length <= longest &&
      !/\p{Cc}/u.test(value) &&
      !without?.test(value),
    `a command of up to ${longest} characters on one line${without ? ", without quotation marks, $ and backslashes" : ""}`,
  );

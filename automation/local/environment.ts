import type { Certificates } from "./certificates";
import type { LocalFiles } from "./files";
import { join } from "node:path";

/** The account that the local AWS answers for. */
export const LOCAL_ACCOUNT = "000000000000";

/** All accounts that it answers for under names of their own; each has resources of its own. */
export const LOCAL_ACCOUNTS = [LOCAL_ACCOUNT, "111111111111", "222222222222", "333333333333"];

/** The region of requests that name none. Others work as well, each with resources of its own. */
export const LOCAL_REGION = "us-east-1";

/**
 * Of the root user. No secret: the emulator checks the signatures of users and roles, but takes root's access key, which
 * is the account, for root whatever it is signed with.
 */
const SECRET_ACCESS_KEY = "test";

/**
 * Names and addresses under which the local AWS is reached. S3 Control puts the account in front of the host, so every
 * account that a program uses needs its own; a wildcard directly above `localhost` is refused by most clients.
 */
export const SERVER_NAMES = ["localhost", "127.0.0.1", ...LOCAL_ACCOUNTS.map((account) => `${account}.localhost`)];

/** Variables of the person's own AWS that would lead a client elsewhere, or make it use other credentials. */
const FOREIGN =
  /^AWS_(PROFILE|DEFAULT_PROFILE|SESSION_TOKEN|SECURITY_TOKEN|ROLE_ARN|ROLE_SESSION_NAME|WEB_IDENTITY_TOKEN_FILE|CONTAINER_.*|ENDPOINT_URL_.*|USE_FIPS_ENDPOINT|USE_DUALSTACK_ENDPOINT|IGNORE_CONFIGURED_ENDPOINT_URLS|S3_.*|STS_.*|CREDENTIAL_EXPIRATION)$/;

/**
 * What SDKs, the Pulumi engine and its AWS plugin need to work with the local AWS and nothing else: to be laid over the
 * inherited environment. Foreign AWS variables of `inherited` come out empty, which every SDK takes as not set.
 */
export function clientEnvironment(
  aws: { port: number; caFile: string },
  inherited: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const foreign = Object.keys(inherited).filter((name) => FOREIGN.test(name));
  const direct = ["localhost", "127.0.0.1", ".localhost"];
  const noProxy = [...new Set([...(inherited["NO_PROXY"] ?? inherited["no_proxy"] ?? "").split(","), ...direct])];
  return {
    ...Object.fromEntries(foreign.map((name) => [name, ""])),
    AWS_ENDPOINT_URL: `https://localhost:${aws.port}`,
    AWS_ACCESS_KEY_ID: LOCAL_ACCOUNT,
    AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_CA_BUNDLE: aws.caFile,
    NODE_EXTRA_CA_CERTS: aws.caFile,
    AWS_EC2_METADATA_DISABLED: "true",
    // A person's own profiles may name endpoints and certificates of their own.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    NO_PROXY: noProxy.filter(Boolean).join(","),
    no_proxy: noProxy.filter(Boolean).join(","),
  };
}

/**
 * The whole environment of the emulator. It hands its own environment on to every function, so nothing is inherited.
 * Sources of the names: the emulator's README and core modules, version 1.5.33.
 */
export function serverEnvironment(
  files: LocalFiles,
  settings: { port: number },
  certificates: Certificates,
): Record<string, string> {
  return {
    PATH: `${files.bin}:/usr/bin:/bin`,
    HOME: join(files.tmp, "home"),
    TMPDIR: files.tmp,
    LANG: "C.UTF-8",
    TZ: "UTC",
    BIND_HOST: "127.0.0.1",
    GATEWAY_PORT: String(settings.port),
    MINISTACK_HOST: "localhost",
    MINISTACK_ACCOUNT_ID: LOCAL_ACCOUNT,
    MINISTACK_REGION: LOCAL_REGION,
    LOG_LEVEL: "INFO",
    USE_SSL: "1",
    MINISTACK_SSL_CERT: certificates.certificate,
    MINISTACK_SSL_KEY: certificates.key,
    NODE_EXTRA_CA_CERTS: certificates.ca,
    AWS_CA_BUNDLE: certificates.ca,
    AUTH: "true",
    AWS_ACCESS_KEY_ID: LOCAL_ACCOUNT,
    AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
    AWS_EC2_METADATA_DISABLED: "true",
    PERSIST_STATE: "1",
    S3_PERSIST: "1",
    STATE_DIR: join(files.state, "services"),
    S3_DATA_DIR: join(files.state, "s3"),
    // Listeners of services we do not use, on ports that a second checkout would want too.
    IOT_MTLS_ENABLED: "0",
    SFTP_ENABLED: "0",
    // It would otherwise remove containers on this machine's Docker when it starts and stops.
    DOCKER_HOST: `unix://${join(files.tmp, "no-docker.sock")}`,
    LAMBDA_EXECUTOR: "local",
    // A proxy in front of the emulator, as the fault tests have: functions call it instead, everybody else does not.
    ...(process.env.TRIBUTARY_FUNCTIONS_ENDPOINT && { AWS_ENDPOINT_URL: process.env.TRIBUTARY_FUNCTIONS_ENDPOINT }),
    ATHENA_ENGINE: "duckdb",
  };
}

import { userError } from "../errors";
import { LOCAL_ACCOUNTS } from "./environment";
import type { LocalAws } from "./index";

/**
 * The local AWS as the root user of an account sees it: each account has resources of its own, as on AWS.
 *
 * @param account undefined: as it is
 * @throws user error `LocalAccountUnknown` for one that it has no name for
 */
export function localAwsAs(aws: LocalAws, account: string | undefined): LocalAws {
  if (account === undefined || account === aws.account) return aws;
  if (!LOCAL_ACCOUNTS.includes(account)) {
    const message = `the local AWS has no account ${account}; it has: ${LOCAL_ACCOUNTS.join(", ")}`;
    throw userError("LocalAccountUnknown", message, "set tributary:account to one of these");
  }
  // Its access key is the account, for root whatever it is signed with.
  return { ...aws, account, env: { ...aws.env, AWS_ACCESS_KEY_ID: account } };
}

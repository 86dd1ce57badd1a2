import type { Statement } from "../iam";
import { arn, nameStart, type Scope } from "../scope";

/** What a statement says about the queues that it is for. */
export type Granted = Pick<Statement, "resources" | "conditions">;

/** One end of a family's queues: the tag that they have, and how policies name them all. */
export interface FamilyEnd extends Granted {
  tags: Record<string, string>;
}

/** Tag that tells which queues are granted together: `<project>/<stack>/<family>`, with `-dlq` for their DLQs. */
export const FAMILY_TAG = "queue-family";

/**
 * How the queues of a family are granted: by the beginning of their names and, which decides, by a tag with the lake's own
 * project and stack. Three other ways were looked at:
 *
 * - Each ARN by itself ends at some fifty datasets: IAM takes 10,240 characters of inline policies a role, and 10 managed
 *   policies of 6,144 (IAM's quotas). Also, a new dataset's first messages would be refused until IAM has spread the new policy.
 * - A name pattern alone reaches too far: `tributary-dev-*` are the queues of a branch's lake `dev-feature`, too.
 * - Policies of the queues that allow the roles: SQS refuses them as long as a role is not there, keeps the role's internal
 *   id instead of its name, and a Lambda mapping asks for the permission on the role.
 *
 * SQS decides by queue tags (`aws:ResourceTag`, service authorization reference of SQS). Who may tag queues can add one to a
 * family: no role of a lake may (`sqs:TagQueue`).
 *
 * @returns undefined without a family
 */
export function familyOf(scope: Scope, family: string | undefined): { main: FamilyEnd; dlq: FamilyEnd } | undefined {
  if (family === undefined) return undefined;
  const resources = [arn(scope, "sqs", `${nameStart("sqsQueue", scope)}*`)];
  const end = (name: string): FamilyEnd => {
    const tag = `${scope.project}/${scope.stack}/${name}`;
    return {
      tags: { [FAMILY_TAG]: tag },
      resources,
      conditions: { StringEquals: { [`aws:ResourceTag/${FAMILY_TAG}`]: tag } },
    };
  };
  return { main: end(family), dlq: end(`${family}-dlq`) };
}

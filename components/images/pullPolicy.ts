import type { Scope } from "../scope";

/** What reading an image takes. */
const pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/**
 * Who may read images, besides the account's own principals: Lambda, for functions of this project in this region, and other
 * accounts that run them. Nobody may push through it.
 *
 * @param accounts 12-digit numbers of other accounts
 */
export function pullPolicy({ project, account, region, partition }: Scope, accounts: readonly string[]): string {
  const functions = [account, ...accounts].map(
    (owner) => `arn:${partition}:lambda:${region}:${owner}:function:${project}-*`,
  );
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "LambdaOfTheProject",
        Effect: "Allow",
        Principal: { Service: "lambda.amazonaws.com" },
        Action: pull,
        // The account stands in the ARN: Lambda sends no other source.
        Condition: { ArnLike: { "aws:SourceArn": functions } },
      },
      ...(accounts.length === 0
        ? []
        : [
            {
              Sid: "OtherAccounts",
              Effect: "Allow",
              Principal: { AWS: accounts.map((owner) => `arn:${partition}:iam::${owner}:root`) },
              Action: pull,
            },
          ]),
    ],
  });
}

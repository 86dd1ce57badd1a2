import type { PolicyStatement, ResourceState } from "../../../../automation/permissions";
import { ACCOUNT, bucket, managed, policy, role, rolePolicy, state } from "../support/states";
import { allow, change, pages, type Pair } from "./pair";

const object = "arn:aws:s3:::data/*";
const attachment = (policyArn: string, of = "r"): ResourceState =>
  state("aws:iam/rolePolicyAttachment:RolePolicyAttachment", `${of}-${policyArn}`, { role: of, policyArn });
const awsManaged = (name: string) => `arn:aws:iam::aws:policy/${name}`;
const queue = (statement?: PolicyStatement) =>
  state(
    "aws:sqs/queue:Queue",
    "q",
    statement ? { name: "q", policy: JSON.stringify(policy([statement])) } : { name: "q" },
    { url: "https://sqs/q" },
  );
const send = (Condition?: PolicyStatement["Condition"]): PolicyStatement => ({
  Effect: "Allow",
  Principal: { Service: "events.amazonaws.com" },
  Action: "sqs:SendMessage",
  Resource: "*",
  ...(Condition && { Condition }),
});
const permission = (inputs: Record<string, unknown>) =>
  state("aws:lambda/permission:Permission", "p", {
    function: "f",
    action: "lambda:InvokeFunction",
    principal: "s3.amazonaws.com",
    ...inputs,
  });
const block = (inputs: Record<string, unknown>) =>
  state("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "b", { bucket: "data", ...inputs });

const runs = (as: string) =>
  state("aws:lambda/function:Function", "f", { name: "f", role: `arn:aws:iam::${ACCOUNT}:role/${as}` });
const roles = [
  ...[role("r"), rolePolicy("r", policy([allow("s3:GetObject", object)]))],
  ...[role("admin"), rolePolicy("admin", policy([allow("*")]))],
];

/** Managed policies, groups, and permissions that are no documents. */
export const attachmentPairs: readonly Pair[] = [
  change(
    "AdministratorAccess is attached",
    pages.managed,
    [role("r")],
    [role("r"), attachment(awsManaged("AdministratorAccess"))],
    /critical.*AdministratorAccess/,
  ),
  change(
    "a policy of AWS stays attached",
    pages.managed,
    [role("r"), attachment(awsManaged("ReadOnlyAccess"))],
    [role("r", { managedPolicyArns: [awsManaged("ReadOnlyAccess")] })],
    "same",
  ),
  change(
    "one policy of AWS for another",
    pages.managed,
    [role("r"), attachment(awsManaged("ReadOnlyAccess"))],
    [role("r"), attachment(awsManaged("job-function/ViewOnlyAccess"))],
    "broadens",
  ),
  change(
    "an administrator gets a policy of AWS as well",
    pages.managed,
    [role("r"), rolePolicy("r", policy([allow("*")]))],
    [role("r"), rolePolicy("r", policy([allow("*")])), attachment(awsManaged("ReadOnlyAccess"))],
    "same",
  ),
  change(
    "an inline policy becomes a managed one",
    pages.managed,
    [role("r"), rolePolicy("r", policy([allow("s3:GetObject", object)]))],
    [role("r"), managed("m", allow("s3:GetObject", object)), attachment(`arn:aws:iam::${ACCOUNT}:policy/m`)],
    "same",
  ),
  change(
    "a managed policy grows",
    pages.managed,
    [role("r"), managed("m", allow("s3:GetObject", object)), attachment(`arn:aws:iam::${ACCOUNT}:policy/m`)],
    [role("r"), managed("m", allow("s3:*", object)), attachment(`arn:aws:iam::${ACCOUNT}:policy/m`)],
    /^role\/r\n/,
  ),
  change(
    "a managed policy grows that is attached elsewhere",
    pages.managed,
    [managed("m", allow("s3:GetObject", object))],
    [managed("m", allow("s3:*", object))],
    /whoever has policy m/,
  ),
  change(
    "two roles of one name, in two accounts: the one's permissions are not the other's",
    pages.crossAccount,
    [role("r"), { ...role("r"), urn: `${role("r").urn}-2` }, rolePolicy("r", policy([allow("*")]), "one")],
    [
      ...[role("r"), { ...role("r"), urn: `${role("r").urn}-2` }, rolePolicy("r", policy([allow("*")]), "one")],
      rolePolicy("r", policy([allow("s3:GetObject", object)]), "two"),
    ],
    /s3:GetObject/,
  ),
  change("a new managed policy that nobody has", pages.managed, [], [managed("m", allow("*"))], "same"),
  change(
    "a policy is renamed",
    pages.managed,
    [role("r"), rolePolicy("r", policy([allow("s3:GetObject", object)]), "one")],
    [role("r"), rolePolicy("r", policy([allow("s3:GetObject", object)]), "two")],
    "same",
  ),
  change(
    "a role's name changes",
    pages.evaluation,
    [role("r"), rolePolicy("r", policy([allow("s3:GetObject", object)]))],
    [
      { ...role("r2"), urn: role("r").urn },
      { ...rolePolicy("r2", policy([allow("s3:GetObject", object)])), urn: rolePolicy("r", policy([])).urn },
    ],
    "same",
  ),
  change("a user joins a group", pages.groups, groups([]), groups(["u"]), /user\/u/),

  change(
    "a queue's source is dropped",
    pages.sqs,
    [queue(send({ ArnEquals: { "aws:SourceArn": "arn:aws:events:eu-west-1:111122223333:rule/r" } }))],
    [queue(send())],
    /Service:events/,
  ),
  change(
    "a queue's policy moves into a resource of its own",
    pages.sqs,
    [queue(send())],
    [
      queue(),
      state("aws:sqs/queuePolicy:QueuePolicy", "qp", {
        queueUrl: "https://sqs/q",
        policy: JSON.stringify(policy([send()])),
      }),
    ],
    "same",
  ),
  change(
    "a repository is opened to an account",
    pages.ecr,
    [],
    [
      state("aws:ecr/repositoryPolicy:RepositoryPolicy", "p", {
        repository: "images",
        policy: JSON.stringify({
          Statement: [{ Effect: "Allow", Principal: { AWS: "444455556666" }, Action: "ecr:BatchGetImage" }],
        }),
      }),
    ],
    /account 444455556666/,
  ),
  change(
    "a secret is opened to a role",
    pages.secrets,
    [],
    [
      state("aws:secretsmanager/secretPolicy:SecretPolicy", "p", {
        secretArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-1",
        policy: JSON.stringify(
          policy([
            {
              Effect: "Allow",
              Principal: { AWS: "arn:aws:iam::111122223333:role/x" },
              Action: "secretsmanager:GetSecretValue",
              Resource: "*",
            },
          ]),
        ),
      }),
    ],
    /GetSecretValue/,
  ),
  change("a function is opened to a service", pages.lambda, [], [permission({})], /Service:s3/),
  change(
    "a function's caller is tied to a bucket",
    pages.lambda,
    [permission({})],
    [permission({ sourceArn: "arn:aws:s3:::data" })],
    "same",
  ),
  change(
    "a function's caller is any bucket now",
    pages.lambda,
    [permission({ sourceArn: "arn:aws:s3:::data", sourceAccount: ACCOUNT })],
    [permission({ sourceAccount: ACCOUNT })],
    "broadens",
  ),
  change(
    "a function's URL needs no sign-in any more",
    pages.lambdaUrl,
    [state("aws:lambda/functionUrl:FunctionUrl", "u", { functionName: "f", authorizationType: "AWS_IAM" })],
    [state("aws:lambda/functionUrl:FunctionUrl", "u", { functionName: "f", authorizationType: "NONE" })],
    /critical.*lambda:InvokeFunctionUrl/,
  ),
  change(
    "a key is granted to a role",
    pages.kmsGrants,
    [],
    [
      state("aws:kms/grant:Grant", "g", {
        keyId: "k",
        granteePrincipal: "arn:aws:iam::111122223333:role/x",
        operations: ["Decrypt"],
      }),
    ],
    /kms:Decrypt/,
  ),
  change(
    "public access is not blocked any more",
    pages.s3Block,
    [bucket("data"), block({ blockPublicPolicy: true })],
    [bucket("data"), block({ blockPublicPolicy: false })],
    /public bucket policies/,
  ),
  change(
    "public access is blocked",
    pages.s3Block,
    [bucket("data"), block({ blockPublicPolicy: false })],
    [bucket("data"), block({ blockPublicPolicy: true })],
    "same",
  ),
  change(
    "the block goes and the bucket stays",
    pages.s3Block,
    [bucket("data"), block({ restrictPublicBuckets: true })],
    [bucket("data")],
    /public policy/,
  ),
  change(
    "a public ACL",
    pages.s3Acl,
    [bucket("data")],
    [bucket("data"), state("aws:s3/bucketAcl:BucketAcl", "a", { bucket: "data", acl: "public-read" })],
    /critical.*s3:GetObject/,
  ),
  change(
    "a function is given a mightier role",
    pages.passRole,
    [...roles, runs("r")],
    [...roles, runs("admin")],
    /^f \(runs as a role\)\n.*critical.*may \*/,
  ),
  change("a function is given a lesser role", pages.passRole, [...roles, runs("admin")], [...roles, runs("r")], "same"),
  change("a new function runs as a role that is there", pages.passRole, roles, [...roles, runs("admin")], /^f /),
  change(
    "a function runs as a role of somewhere else",
    pages.passRole,
    [runs("r")],
    [runs("admin")],
    /role\/admin allows/,
  ),
  change(
    "a function's role grows, which is told of the role",
    pages.passRole,
    [role("r"), runs("r")],
    [role("r"), rolePolicy("r", policy([allow("s3:GetObject", object)])), runs("r")],
    /^role\/r\n[^\n]*\n[^\n]*$/,
  ),
  change(
    "a policy in an input that nobody expected",
    pages.evaluation,
    [],
    [
      state("aws:newservice/thing:Thing", "t", {
        rules: JSON.stringify(policy([{ Effect: "Allow", Principal: "*", Action: "new:Use", Resource: "*" }])),
      }),
    ],
    /critical.*new:Use/,
  ),
  change(
    "a policy that only the deployment will know",
    pages.evaluation,
    [role("r"), rolePolicy("r", policy([allow("s3:GetObject", object)]))],
    [
      role("r"),
      state("aws:iam/rolePolicy:RolePolicy", "r-policy", { role: "r", policy: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" }),
    ],
    /not known yet[^]*undecided/,
  ),
];

function groups(users: string[]): ResourceState[] {
  return [
    state("aws:iam/user:User", "u", { name: "u" }),
    state("aws:iam/group:Group", "g", { name: "g" }),
    state("aws:iam/groupPolicy:GroupPolicy", "gp", {
      group: "g",
      policy: JSON.stringify(policy([allow("s3:GetObject", object)])),
    }),
    state("aws:iam/groupMembership:GroupMembership", "m", { group: "g", users }),
  ];
}

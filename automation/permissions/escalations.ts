/** A published way from some permissions to all of them. */
export interface Escalation {
  /** In words: what one does. */
  name: string;
  /** All of them are needed. */
  actions: readonly string[];
}

/**
 * Ways from some permissions to more that have been published, without any mistake of AWS being involved: whoever has these actions
 * on resources that are mighty enough can have what these have.
 *
 * @see https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/
 * @see https://bishopfox.com/blog/privilege-escalation-in-aws
 */
export const escalations: readonly Escalation[] = [
  { name: "writes a new version of a policy", actions: ["iam:CreatePolicyVersion"] },
  { name: "goes back to an older version of a policy", actions: ["iam:SetDefaultPolicyVersion"] },
  { name: "makes access keys for a user", actions: ["iam:CreateAccessKey"] },
  { name: "gives a user a password", actions: ["iam:CreateLoginProfile"] },
  { name: "changes a user's password", actions: ["iam:UpdateLoginProfile"] },
  { name: "attaches a policy to a user", actions: ["iam:AttachUserPolicy"] },
  { name: "attaches a policy to a group", actions: ["iam:AttachGroupPolicy"] },
  { name: "attaches a policy to a role", actions: ["iam:AttachRolePolicy"] },
  { name: "writes an inline policy of a user", actions: ["iam:PutUserPolicy"] },
  { name: "writes an inline policy of a group", actions: ["iam:PutGroupPolicy"] },
  { name: "writes an inline policy of a role", actions: ["iam:PutRolePolicy"] },
  { name: "joins a group", actions: ["iam:AddUserToGroup"] },
  { name: "lets itself take a role", actions: ["iam:UpdateAssumeRolePolicy"] },
  { name: "takes a permissions boundary away from a role", actions: ["iam:DeleteRolePermissionsBoundary"] },
  { name: "takes a permissions boundary away from a user", actions: ["iam:DeleteUserPermissionsBoundary"] },
  { name: "changes the code of a function", actions: ["lambda:UpdateFunctionCode"] },
  { name: "puts a layer below a function", actions: ["lambda:UpdateFunctionConfiguration"] },
  {
    name: "runs a function of its own as a role",
    actions: ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
  },
  {
    name: "runs a function of its own as a role, started by a table",
    actions: ["iam:PassRole", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"],
  },
  { name: "starts a machine with a role", actions: ["iam:PassRole", "ec2:RunInstances"] },
  { name: "makes a development endpoint with a role", actions: ["iam:PassRole", "glue:CreateDevEndpoint"] },
  { name: "puts its key on a development endpoint", actions: ["glue:UpdateDevEndpoint"] },
  { name: "runs a job as a role", actions: ["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"] },
  { name: "makes a stack as a role", actions: ["iam:PassRole", "cloudformation:CreateStack"] },
  {
    name: "runs a pipeline as a role",
    actions: ["iam:PassRole", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"],
  },
  {
    name: "runs a build as a role",
    actions: ["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"],
  },
  { name: "opens a notebook that has a role", actions: ["sagemaker:CreatePresignedNotebookInstanceUrl"] },
  {
    name: "makes a notebook with a role",
    actions: ["iam:PassRole", "sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"],
  },
  {
    name: "runs a container as a role",
    actions: ["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"],
  },
  {
    name: "runs a state machine as a role",
    actions: ["iam:PassRole", "states:CreateStateMachine", "states:StartExecution"],
  },
  { name: "runs commands on machines", actions: ["ssm:SendCommand"] },
  { name: "opens a session on a machine", actions: ["ssm:StartSession"] },
];

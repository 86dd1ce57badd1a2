"""
Mends of the emulator (ministack 1.5.33): where it refuses what AWS allows, or forgets what it was given, so that a right
program fails or never comes to rest. Each names what AWS documents. Nothing here invents an answer. A mend goes when the
emulator does the same by itself.
"""


# SQS has no IAM actions for its batch calls: the action of the single call decides
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html). The emulator asks for actions
# that no policy can grant on AWS, such as sqs:SendMessageBatch.
SQS_BATCH_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def apply():
    """Puts the mends in place; to be called before the emulator's application is imported."""
    from ministack.core import iam_actions
    from ministack.services import codebuild

    mend_codebuild(codebuild)

    extract = iam_actions.extract_iam_action

    def extract_iam_action(*args, **kwargs):
        action = extract(*args, **kwargs)
        return SQS_BATCH_ACTIONS.get(action, action)

    iam_actions.extract_iam_action = extract_iam_action


# What AWS keeps of a project and gives back when it is read
# (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Project.html). The emulator forgets it, so that every
# deployment would set it again.
KEPT = (
    "autoRetryLimit",
    "buildBatchConfig",
    "cache",
    "concurrentBuildLimit",
    "fileSystemLocations",
    "logsConfig",
    "queuedTimeoutInMinutes",
    "secondaryArtifacts",
    "secondarySourceVersions",
    "secondarySources",
    "vpcConfig",
)


def mend_codebuild(codebuild):
    """CodeBuild knows its projects by their ARNs, too, and keeps what it was given."""
    shape = codebuild._project_shape

    def keeping(handler):
        def handle(data):
            # AWS takes the ARN of a project wherever it takes its name, and the AWS provider gives the ARN
            # (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_DeleteProject.html).
            name = codebuild._project_name_from_identifier(data.get("name", ""))
            answer = handler({**data, "name": name})
            if name in codebuild._projects and answer[0] == 200:
                codebuild._projects[name].update({key: data[key] for key in KEPT if key in data})
            return answer

        return handle

    for name in ("_create_project", "_update_project", "_delete_project"):
        setattr(codebuild, name, keeping(getattr(codebuild, name)))
    codebuild._project_shape = lambda project: {**shape(project), **{key: project[key] for key in KEPT if key in project}}

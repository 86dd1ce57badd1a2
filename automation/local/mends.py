"""
Mends of the emulator (ministack 1.5.33): where it refuses what AWS allows, so that a right program fails. Each names what
AWS documents. Nothing here invents an answer. A mend goes when the emulator does the same by itself.
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

    extract = iam_actions.extract_iam_action

    def extract_iam_action(*args, **kwargs):
        action = extract(*args, **kwargs)
        return SQS_BATCH_ACTIONS.get(action, action)

    iam_actions.extract_iam_action = extract_iam_action

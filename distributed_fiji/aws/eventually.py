"""Wait until what was just created is visible: roles, service-linked roles and queues.

IAM says that changes are "eventually consistent" (IAM user guide, "Changes that I make are not always
immediately visible"). Terraform waits two minutes for a role (terraform-provider-aws, propagationTimeout).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from distributed_fiji.clock import Clock

Result = TypeVar("Result")

#: How many seconds a role may take to become visible, and anything else; and the pause between two tries.
ROLE_SECONDS, OTHER_SECONDS, PAUSE_SECONDS = 120, 30, 3

#: How services say that they do not see a role yet: ECS, EC2 and Lambda, in this order.
ROLE_IS_LATE = re.compile(
    r"unable to assume the service linked role|role is not valid|iamfleetrole|fleet role"
    r"|invalid iam instance profile|cannot be assumed by lambda|the role defined for the function",
    re.IGNORECASE,
)

#: How SQS says it of a queue: by its code, or if the queue should receive another queue's dead letters.
QUEUE_IS_LATE = re.compile(
    r"NonExistentQueue|QueueDoesNotExist|dead letter target does not exist", re.IGNORECASE
)


def until_seen(
    call: Callable[[], Result], late: re.Pattern[str], clock: Clock, seconds: float = ROLE_SECONDS
) -> Result:
    """Return a call's result, retrying while AWS says that it does not see what was just created.

    Raises any other error, and the last one after `seconds`.
    """
    until = clock.now() + seconds
    while True:
        try:
            return call()
        except ClientError as error:
            if not late.search(str(error)) or clock.now() >= until:
                raise
        clock.sleep(PAUSE_SECONDS)

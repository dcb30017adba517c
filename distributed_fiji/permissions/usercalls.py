"""The actions that each command needs, and the kinds of resources; held to what the tests record.

A line has a kind of resource, as userpolicy.py resolves it, and actions of one service.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Used by several commands.
_JANITOR_ROLE = (
    "janitor-role iam: GetRole CreateRole TagRole GetRolePolicy PutRolePolicy PutRolePermissionsBoundary"
    " UpdateAssumeRolePolicy",
    "every-log-group logs: DescribeLogGroups",
    "janitor-logs logs: CreateLogGroup TagResource PutRetentionPolicy ListTagsForResource",
    "topic sns: CreateTopic TagResource ListSubscriptionsByTopic Subscribe",
)
_QUOTAS = ("quotas servicequotas: GetServiceQuota",)
#: What startCluster needs to finish an earlier run, in addition to starting one.
_FINISHING = (
    "dead-letters sqs: GetQueueUrl GetQueueAttributes ListQueueTags ReceiveMessage ChangeMessageVisibility",
    "tasks ecs: StopTask",
    "exported-logs s3: PutObject",
)
_STATE = ("bucket s3: ListBucket", "state s3: GetObject PutObject")
#: What commands need to report on what became of the jobs.
_LOOK = (
    "queue sqs: GetQueueUrl GetQueueAttributes",
    "dead-letters sqs: GetQueueUrl GetQueueAttributes ListQueueTags ReceiveMessage ChangeMessageVisibility",
    "bucket s3: ListBucket",
    "state s3: GetObject",
)

#: What each command needs.
_ASKED: Mapping[str, tuple[str, ...]] = {
    "setup": (
        "queues sqs: GetQueueUrl GetQueueAttributes CreateQueue TagQueue SetQueueAttributes",
        "log-groups logs: CreateLogGroup TagResource PutRetentionPolicy ListTagsForResource",
        *_JANITOR_ROLE,
        "roles iam: GetRole CreateRole TagRole GetRolePolicy PutRolePolicy ListAttachedRolePolicies"
        " AttachRolePolicy PutRolePermissionsBoundary UpdateAssumeRolePolicy",
        "profile iam: GetInstanceProfile CreateInstanceProfile TagInstanceProfile AddRoleToInstanceProfile",
        "given-roles iam: GetRole",
        "given-profile iam: GetInstanceProfile",
        "aws-roles iam: GetRole",
        "new-aws-roles iam: CreateServiceLinkedRole",
        "pass-task iam: PassRole",
        "pass-instance iam: PassRole",
        "cluster ecs: DescribeClusters CreateCluster TagResource",
        "service ecs: DescribeServices CreateService UpdateService TagResource",
        "definitions ecs: ListTaskDefinitions DescribeTaskDefinition",
        "definition ecs: RegisterTaskDefinition TagResource",
        "described ec2: DescribeInstanceTypes DescribeInstances",
        *_QUOTAS,
        "buckets s3: ListBucket GetBucketVersioning GetLifecycleConfiguration",
        "script s3: GetObject",
        *_STATE,
    ),
    "estimate": (
        "queue sqs: GetQueueUrl GetQueueAttributes",
        "described ec2: DescribeInstanceTypes DescribeSpotPriceHistory DescribeSubnets"
        " GetSpotPlacementScores",
        "price-list pricing: GetProducts",
        "bucket s3: ListBucket",
        "state s3: GetObject",
    ),
    "makeJob": ("buckets s3: ListBucket",),
    # On AWS, a rehearsal is a separate app, for which it runs other commands: `policy --rehearsal`.
    "rehearse": ("buckets s3: ListBucket", "inputs s3: GetObject", "script s3: GetObject"),
    "check": (
        "queue sqs: GetQueueUrl GetQueueAttributes",
        "described ec2: DescribeInstanceTypes DescribeInstanceTypeOfferings DescribeImages DescribeSubnets"
        " DescribeKeyPairs DescribeSpotPriceHistory DescribeInstances DescribeRouteTables"
        " DescribeVpcEndpoints",
        "cluster ecs: DescribeClusters",
        *_QUOTAS,
        "given-roles iam: GetRole",
        "given-profile iam: GetInstanceProfile",
        "fleet-role iam: GetRole",
        "profile iam: GetInstanceProfile",
        "parameter ssm: GetParameter",
        "image ecr: DescribeImages",
        "buckets s3: ListBucket",
        "script s3: GetObject",
        "inputs s3: GetObject",
        "state s3: GetObject",
    ),
    "submitJob": (
        "queue sqs: GetQueueUrl GetQueueAttributes SendMessage ReceiveMessage DeleteMessage"
        " ChangeMessageVisibility",
        "script s3: GetObject",
        "buckets s3: ListBucket",
        "written-buckets s3: ListBucket",
        "inputs s3: GetObject",
        "submissions s3: DeleteObject",
        "roles iam: GetRolePolicy",
        *_STATE,
    ),
    "redrive": (
        "queue sqs: GetQueueUrl GetQueueAttributes SendMessage",
        "dead-letters sqs: GetQueueUrl GetQueueAttributes ListQueueTags ReceiveMessage DeleteMessage"
        " ChangeMessageVisibility",
        *_STATE,
    ),
    "collect": (*_LOOK, "written s3: GetObject"),
    "failures": _LOOK,
    "report": (
        *_LOOK,
        "written s3: GetObject",
        "described ec2: DescribeInstances DescribeSpotPriceHistory",
    ),
    "status": (
        *_LOOK,
        "service ecs: DescribeServices",
        "cluster ecs: ListContainerInstances",
        "container-instances ecs: DescribeContainerInstances",
        "listed-tasks ecs: ListTasks",
        "tasks ecs: DescribeTasks GetTaskProtection",
        "described ec2: DescribeInstances DescribeSpotFleetRequests DescribeSpotPriceHistory",
        "every-alarm cloudwatch: DescribeAlarms",
    ),
    # It receives no dead letter, and so does less than the others here.
    "doctor": (
        "queue sqs: GetQueueUrl GetQueueAttributes",
        "dead-letters sqs: GetQueueUrl GetQueueAttributes ListQueueTags",
        "bucket s3: ListBucket",
        "state s3: GetObject",
        "described ec2: DescribeInstances DescribeSpotFleetRequests DescribeLaunchTemplateVersions"
        " DescribeSubnets DescribeRouteTables DescribeVpcEndpoints",
        "fleets ec2: DescribeSpotFleetRequestHistory",
        "service ecs: DescribeServices",
        "cluster ecs: ListContainerInstances",
        "container-instances ecs: DescribeContainerInstances",
        "listed-tasks ecs: ListTasks",
        "tasks ecs: DescribeTasks GetTaskProtection",
        "definitions ecs: DescribeTaskDefinition",
        "profile iam: GetInstanceProfile",
        "given-profile iam: GetInstanceProfile",
        "log-groups logs: FilterLogEvents",
    ),
    "logs": (*_LOOK, "log-groups logs: FilterLogEvents"),
    "resubmit": (
        "queue sqs: GetQueueUrl GetQueueAttributes SendMessage",
        "script s3: GetObject",
        "buckets s3: ListBucket",
        "written-buckets s3: ListBucket",
        *_STATE,
    ),
    "retry": (
        *_LOOK,
        "queue sqs: SendMessage",
        "dead-letters sqs: DeleteMessage",
        "state s3: PutObject",
        "described ec2: DescribeSpotFleetRequests",
        "own-fleets ec2: ModifySpotFleetRequest",
        "service ecs: DescribeServices UpdateService",
    ),
    "startCluster": (
        "queue sqs: GetQueueUrl GetQueueAttributes",
        "service ecs: DescribeServices UpdateService",
        "definitions ecs: DescribeTaskDefinition",
        "cluster ecs: DescribeClusters ListContainerInstances",
        "container-instances ecs: DescribeContainerInstances",
        "listed-tasks ecs: ListTasks",
        "tasks ecs: DescribeTasks",
        "described ec2: DescribeInstanceTypes DescribeInstanceTypeOfferings DescribeImages DescribeSubnets"
        " DescribeKeyPairs DescribeLaunchTemplates DescribeSpotFleetRequests DescribeSpotPriceHistory"
        " DescribeInstances DescribeRouteTables DescribeVpcEndpoints",
        *_QUOTAS,
        "fleets ec2: DescribeSpotFleetInstances DescribeSpotFleetRequestHistory",
        "own-ec2 ec2: CancelSpotFleetRequests CreateLaunchTemplateVersion TerminateInstances",
        "templates ec2: CreateLaunchTemplate",
        "requested ec2: RequestSpotFleet RunInstances",
        "new-tags ec2: CreateTags",
        "pass-fleet iam: PassRole",
        "pass-instance iam: PassRole",
        "fleet-role iam: GetRole",
        "profile iam: GetInstanceProfile",
        "parameter ssm: GetParameter",
        "image ecr: DescribeImages",
        "every-alarm cloudwatch: DescribeAlarms",
        "alarms cloudwatch: PutMetricAlarm TagResource DeleteAlarms",
        "dashboard cloudwatch: PutDashboard DeleteDashboards",
        "log-groups logs: FilterLogEvents",
        "runs s3: DeleteObject",
        *_STATE,
        *_FINISHING,
        *_JANITOR_ROLE,
        "pass-janitor iam: PassRole",
        "function lambda: GetFunctionConfiguration GetFunction CreateFunction TagResource UpdateFunctionCode"
        " UpdateFunctionConfiguration AddPermission GetPolicy DeleteFunction",
        "rule events: DescribeRule PutRule TagResource PutTargets RemoveTargets DeleteRule",
    ),
    "monitor": (
        "rule events: DescribeRule RemoveTargets DeleteRule",
        "function lambda: DeleteFunction",
    ),
    "inventory": (
        "every-queue sqs: ListQueueTags",
        "listed sqs: ListQueues",
        "described ec2: DescribeSpotFleetRequests DescribeInstances DescribeVolumes DescribeLaunchTemplates",
        "listed-ecs ecs: ListClusters ListServices",
        "every-cluster ecs: DescribeClusters",
        "every-service ecs: DescribeServices",
        "listed-tasks ecs: ListTasks",
        "tasks ecs: DescribeTasks",
        "definitions ecs: ListTaskDefinitions DescribeTaskDefinition",
        "every-alarm cloudwatch: DescribeAlarms",
        "listed-boards cloudwatch: ListDashboards",
        "every-rule events: DescribeRule",
        "listed-rules events: ListRules",
        "every-rule events: ListTagsForResource",
        "every-function lambda: GetFunction",
        "listed-functions lambda: ListFunctions",
        "every-function lambda: ListTags",
        "listed-topics sns: ListTopics",
        "listed-roles iam: ListRoles",
        "every-role iam: ListRoleTags GetRole",
        "every-profile iam: GetInstanceProfile",
        "every-log-group logs: DescribeLogGroups",
        "tagged-log-groups logs: ListTagsForResource",
        "bucket s3: ListBucket",
        "written-buckets s3: ListBucketMultipartUploads",
        "state s3: GetObject",
    ),
}

#: What `cleanup` does in addition to what `inventory` reads.
_REMOVAL = (
    "service ecs: UpdateService DeleteService",
    "own-fleets ec2: CancelSpotFleetRequests",
    "own-machines ec2: TerminateInstances",
    "own-volumes ec2: DeleteVolume",
    "own-tasks ecs: StopTask",
    "cluster ecs: ListContainerInstances DeregisterContainerInstance DeleteCluster",
    "container-instances ecs: DescribeContainerInstances",
    "definitions ecs: DeregisterTaskDefinition",
    "own-templates ec2: DeleteLaunchTemplate",
    "alarms cloudwatch: DeleteAlarms",
    "dashboard cloudwatch: DeleteDashboards",
    "rule events: RemoveTargets DeleteRule",
    "function lambda: DeleteFunction",
    "topic sns: DeleteTopic",
    "queues sqs: GetQueueUrl DeleteQueue",
    "profile iam: RemoveRoleFromInstanceProfile DeleteInstanceProfile",
    "every-own-role iam: ListAttachedRolePolicies DetachRolePolicy ListRolePolicies DeleteRolePolicy"
    " DeleteRole",
    "log-groups logs: DeleteLogGroup",
    "janitor-logs logs: DeleteLogGroup",
    "state s3: DeleteObject",
    "written s3: AbortMultipartUpload",
)
#: What each command needs, by its name.
COMMANDS: Mapping[str, tuple[str, ...]] = {**_ASKED, "cleanup": (*_ASKED["inventory"], *_REMOVAL)}

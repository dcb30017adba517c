"""What the embedded cloud adds to its emulators, called through boto3, compared with AWS's documentation."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from distributed_fiji.local.machines.scheduling import SCHEDULER
from tests.local.support import until


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_a_cancelled_fleet_can_still_be_described_and_cancelled_again(deploy):
    deployment = deploy()
    fleet = deployment.start_fleet(machines=2)
    ec2 = deployment.ec2

    [first] = ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=True)[
        "SuccessfulFleetRequests"
    ]
    until(lambda: not deployment.machines())
    again = ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet, "sfr-none"], TerminateInstances=True)

    assert first["PreviousSpotFleetRequestState"] == "active"
    assert first["CurrentSpotFleetRequestState"] == "cancelled_terminating"
    assert [item["SpotFleetRequestId"] for item in again["SuccessfulFleetRequests"]] == [fleet]
    assert again["UnsuccessfulFleetRequests"][0]["Error"]["Code"] == "fleetRequestIdDoesNotExist"
    [config] = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet])["SpotFleetRequestConfigs"]
    assert config["SpotFleetRequestState"] == "cancelled"
    assert config["SpotFleetRequestConfig"]["Type"] == "maintain"
    with pytest.raises(ClientError) as refused:
        ec2.modify_spot_fleet_request(SpotFleetRequestId=fleet, TargetCapacity=3)
    assert code_of(refused) == "InvalidSpotFleetRequestConfig"


def test_a_fleet_cancelled_without_its_machines_leaves_them_running_and_replaces_none(deploy):
    deployment = deploy()
    fleet = deployment.start_fleet(machines=2)

    deployment.ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet], TerminateInstances=False)
    [one, other] = deployment.machines()
    deployment.ec2.terminate_instances(InstanceIds=[one])

    [config] = deployment.ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet])[
        "SpotFleetRequestConfigs"
    ]
    assert config["SpotFleetRequestState"] == "cancelled_running"
    assert deployment.machines() == {other}


def test_an_unknown_fleet_is_refused_and_the_same_client_token_asks_for_the_same_fleet(deploy):
    deployment = deploy()
    first = deployment.start_fleet(ClientToken="token")

    second = deployment.start_fleet(ClientToken="token")

    assert first == second
    for call in ("describe_spot_fleet_instances", "describe_spot_fleet_request_history"):
        with pytest.raises(ClientError) as refused:
            arguments = {"StartTime": 0} if call.endswith("history") else {}
            getattr(deployment.ec2, call)(SpotFleetRequestId="sfr-none", **arguments)
        assert code_of(refused) == "InvalidSpotFleetRequestId.NotFound"


def test_a_lowered_target_ends_machines_unless_it_is_told_not_to(deploy):
    deployment = deploy()
    fleet = deployment.start_fleet(machines=3)

    deployment.ec2.modify_spot_fleet_request(
        SpotFleetRequestId=fleet, TargetCapacity=2, ExcessCapacityTerminationPolicy="noTermination"
    )
    assert len(deployment.machines()) == 3
    deployment.ec2.modify_spot_fleet_request(SpotFleetRequestId=fleet, TargetCapacity=1)
    assert len(deployment.machines()) == 1
    deployment.ec2.modify_spot_fleet_request(SpotFleetRequestId=fleet, TargetCapacity=1)
    assert len(deployment.machines()) == 1


def test_a_fleets_machines_carry_its_id_and_its_history_tells_of_them(deploy):
    deployment = deploy()
    fleet = deployment.start_fleet()
    [machine] = deployment.machines()

    found = deployment.ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]
    history = deployment.ec2.describe_spot_fleet_request_history(
        SpotFleetRequestId=fleet, StartTime=0, EventType="instanceChange"
    )["HistoryRecords"]

    assert {"Key": "aws:ec2spot:fleet-request-id", "Value": fleet} in found["Tags"]
    assert [record["EventInformation"]["InstanceId"] for record in history] == [machine]


def test_launch_templates_are_found_by_their_tags(cloud):
    tags = [{"Key": "distributed-fiji:app", "Value": "TagApp"}]
    template = cloud.client("ec2").create_launch_template(
        LaunchTemplateName="tagged",
        LaunchTemplateData={"InstanceType": "m5.large"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
    )["LaunchTemplate"]["LaunchTemplateId"]

    found = cloud.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "distributed-fiji:app", "Values": ["TagApp"]}]
    )["ResourceTagMappingList"]

    assert [item["ResourceARN"].rsplit("/", 1)[-1] for item in found] == [template]
    assert found[0]["ResourceARN"].startswith(f"arn:aws:ec2:{cloud.region}:123456789012:launch-template/")


def test_a_second_service_of_the_same_name_and_a_cluster_in_use_are_refused(deploy):
    deployment = deploy()
    ecs = deployment.ecs

    with pytest.raises(ClientError) as second:
        ecs.create_service(
            cluster=deployment.name, serviceName=deployment.name, taskDefinition=deployment.definition
        )
    with pytest.raises(ecs.exceptions.ClusterContainsServicesException):
        ecs.delete_cluster(cluster=deployment.name)

    assert code_of(second) == "InvalidParameterException"


def test_a_deleted_service_is_listed_no_more_and_its_name_is_free(deploy):
    deployment = deploy()
    arguments = {"cluster": deployment.name, "serviceName": deployment.name}

    deployment.ecs.delete_service(cluster=deployment.name, service=deployment.name)
    assert deployment.ecs.list_services(cluster=deployment.name)["serviceArns"] == []

    deployment.ecs.create_service(
        **arguments,
        taskDefinition=deployment.definition,
        placementConstraints=[{"type": "distinctInstance"}],
        desiredCount=0,
    )
    assert deployment.service()["placementConstraints"] == [{"type": "distinctInstance"}]


def test_only_tasks_of_services_can_be_protected_and_for_no_longer_than_two_days(deploy):
    deployment = deploy()
    deployment.start_fleet()
    [task] = deployment.scale(1)
    ecs, cluster = deployment.ecs, deployment.name
    [alone] = ecs.run_task(cluster=cluster, taskDefinition=deployment.definition)["tasks"]

    answer = ecs.update_task_protection(
        cluster=cluster, tasks=[task["taskArn"], alone["taskArn"], "unknown"], protectionEnabled=True
    )
    with pytest.raises(ecs.exceptions.InvalidParameterException):
        ecs.update_task_protection(
            cluster=cluster, tasks=[task["taskArn"]], protectionEnabled=True, expiresInMinutes=2881
        )

    assert [item["taskArn"] for item in answer["protectedTasks"]] == [task["taskArn"]]
    assert {item["reason"] for item in answer["failures"]} == {"TASK_NOT_VALID", "MISSING"}
    ecs.stop_task(cluster=cluster, task=task["taskArn"], reason=f"{SCHEDULER} service decided before")
    assert deployment.describe([task["taskArn"]])[0]["desiredStatus"] == "RUNNING"
    ecs.update_task_protection(cluster=cluster, tasks=[task["taskArn"]], protectionEnabled=False)
    ecs.stop_task(cluster=cluster, task=alone["taskArn"], reason="enough")
    assert deployment.stopped(alone["taskArn"])["stoppedReason"] == "enough"

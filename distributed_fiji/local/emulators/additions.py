"""What the embedded cloud adds to moto, installed when moto loads a service. Nothing else is changed.

No emulator vouches for these. Each follows AWS's API reference, and the ECS and EC2 user guides.

ECS (`ecs_tasks`, `ecs_services`)
  SubmitTaskStateChange             the agent's own call: tasks are PENDING until their machine says RUNNING
  UpdateTaskProtection, GetTaskProtection
  StopTask                          sets the desired status; the task stops when its machine says so
  DescribeServices, DescribeClusters  true counts of tasks, machines and services
  ListTasks                         serviceName, and running tasks unless asked for stopped ones
  ListServices                      omits deleted services
  CreateService                     refuses a second active service of the same name
  DeleteCluster                     refuses while machines, services or tasks are in it
  RegisterContainerInstance         honours totalResources

EC2 (`fleets`)
  DescribeSpotFleetRequestHistory
  CancelSpotFleetRequests           keeps the request, in its cancelled state; names unknown requests
  DescribeSpotFleetRequests, DescribeSpotFleetInstances  refuse unknown requests
  RequestSpotFleet                  remembers Type, ValidUntil and ClientToken
  fleets of type maintain replace machines they lose, and end at ValidUntil

EC2 (`networks`)
  the default VPC has an internet gateway

IAM (`identities`)
  CreateServiceLinkedRole           names the roles of spot instances and fleets as AWS does
  managed policies                  in the partition aws alone

Resource Groups Tagging: launch templates.

Service Quotas (`spotquotas`): vCPUs of spot machines.
"""

from __future__ import annotations


def install(service: str) -> None:
    """Add our additions to a moto service. Call it before moto builds that service's application."""
    if service == "ecs":
        from distributed_fiji.local.emulators import ecs_services, ecs_tasks

        ecs_services.install()
        ecs_tasks.install()
    if service in {"ec2", "resourcegroupstaggingapi"}:
        from distributed_fiji.local.emulators import fleets, networks

        fleets.install()
        networks.install()
    if service == "iam":
        from distributed_fiji.local.emulators import identities

        identities.install()
    if service == "servicequotas":
        from distributed_fiji.local.emulators import spotquotas

        spotquotas.install()

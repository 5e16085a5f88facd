"""Gradual deployments: SAM's DeploymentPreference makes an application and a group of them for each function.

Both are names here and nothing else: an alias leads to its new version at once, no hook is called, no alarm is watched.
"""

from __future__ import annotations

from collections.abc import Generator

from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import without_change
from emulator.services.cloudformation.resources.types import Call, Made, NameForm, ResourceType, Steps, Subject, words


def _name(it: Subject) -> Steps:
    return Made(it.name)
    yield


def _forget(it: Subject) -> Generator[Call, Json, Made | None]:
    return None
    yield


_GROUP = (
    "AlarmConfiguration AutoRollbackConfiguration AutoScalingGroups BlueGreenDeploymentConfiguration Deployment"
    " DeploymentConfigName DeploymentStyle ECSServices Ec2TagFilters Ec2TagSet LoadBalancerInfo"
    " OnPremisesInstanceTagFilters OnPremisesTagSet OutdatedInstancesStrategy ServiceRoleArn Tags"
    " TerminationHookEnabled TriggerConfigurations"
)
TYPES = [
    ResourceType(
        name="AWS::CodeDeploy::Application",
        service="",
        properties=words("ApplicationName ComputePlatform Tags"),
        no_effect=words("ComputePlatform Tags"),
        replaces=words("ApplicationName ComputePlatform"),
        named_by="ApplicationName",
        name_form=NameForm(100),
        create=_name,
        update=without_change,
        delete=_forget,
    ),
    ResourceType(
        name="AWS::CodeDeploy::DeploymentGroup",
        service="",
        properties=words(f"{_GROUP} ApplicationName DeploymentGroupName"),
        required=words("ApplicationName ServiceRoleArn"),
        no_effect=words(_GROUP),
        replaces=words("ApplicationName DeploymentGroupName"),
        named_by="DeploymentGroupName",
        name_form=NameForm(100),
        create=_name,
        update=without_change,
        delete=_forget,
    ),
]

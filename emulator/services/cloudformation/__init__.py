"""CloudFormation: stacks, change sets, their events and exports, and the deployment that makes them true.

A deployment is one durable job of a stack (`deployment/`): it makes one resource after the other, each with its new
state and its events in one commit. What a resource type is, `resources/` says, a row for each. The language of
templates is `emulator.deploy.template`'s. Absent, and refused by name: StackSets, the registry of private types,
macros other than AWS's own, generated templates, hooks and refactors.
"""

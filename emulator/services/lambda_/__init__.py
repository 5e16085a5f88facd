"""AWS Lambda: functions, synchronous and asynchronous invocation.

Emulated: functions from zip packages, their configuration, `Invoke` (RequestResponse, Event, DryRun), the
event queue with retries, ages and throttles, event invoke configs with Lambda destinations, reserved
concurrency, resource policies as data, tags, layers, function URLs. Not emulated, and refused by name: published
versions, aliases, container images, VPCs, event source mappings, queues as dead-letter targets.
"""

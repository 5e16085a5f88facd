"""Amazon EventBridge: buses, rules by pattern and by schedule, targets, archives and replays.

Targets that live here (Lambda, SQS, SNS, Step Functions, Logs) receive in the transaction of the PutEvents; API
destinations, deployed APIs and streams are called by jobs. What fails for the target's fault is tried again for a day
and then goes to the target's dead-letter queue. Partner sources and global endpoints are refused by name.
"""

"""Amazon EventBridge: buses, rules by pattern and by schedule, targets, archives and replays.

Targets that live here (Lambda, SQS, SNS, Step Functions, Logs) receive in the transaction of the PutEvents; what fails
for the target's fault is tried again for a day and then goes to the target's dead-letter queue. Partner sources, API
destinations and global endpoints are refused by name; connections are kept for HTTP tasks.
"""

"""EventBridge Pipes: from a queue, through filters and an enrichment, to a target.

A pipe polls its queue as an event source mapping of Lambda does, and the end of a batch is one commit: what the target
received and the messages that are deleted for it. Sources other than SQS queues are refused by name.
"""

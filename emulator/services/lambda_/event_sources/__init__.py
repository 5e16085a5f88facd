"""Event source mappings: Lambda's pollers, which read a queue or a stream and invoke a function synchronously.

`mapping` says what may be configured, `operations` what a caller can ask. Of queues, `records` says what a function
gets and what its answer means, `polling` what happens and when, `worker` runs it; `streams/` is the same for Kinesis
and DynamoDB streams. Brokers and document databases are refused by name.
"""

"""Event source mappings: Lambda's pollers, which read a queue and invoke a function synchronously.

`mapping` says what may be configured, `records` what a function gets and what its answer means, `operations` what a
caller can ask, `polling` what happens and when, `worker` runs it. The source is SQS; streams, brokers and
document databases are refused by name.
"""

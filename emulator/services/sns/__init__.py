"""Amazon SNS: topics and subscriptions, and every notification delivered or accounted for.

Queues, functions and mailboxes get their notification in the transaction of the Publish; HTTP endpoints by durable
jobs with AWS's retry policy. Text messages are kept as records; mobile push, SMS sandbox, archives and data
protection policies are refused by name. Signatures have SNS's form and cannot be verified.
"""

"""Amazon SNS: topics and subscriptions, and every notification delivered or accounted for.

Queues, functions and mailboxes get their notification in the transaction of the Publish; HTTP endpoints by durable
jobs with AWS's retry policy. Text and push messages are kept as records in the logs; message archives are refused by
name. Signatures verify, by a key that everybody knows.
"""

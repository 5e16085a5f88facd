"""S3's notifications; its buckets and objects are delegated.

Emulated: notification configurations of buckets, and what they send to functions, queues, topics and EventBridge.
`requests` says what a request does to which objects, `model` who is to hear of it, `records` in which words, and
`notifier` stands between clients and the library. Not emulated: events that no request causes (lifecycle,
replication, restoration from an archive).
"""

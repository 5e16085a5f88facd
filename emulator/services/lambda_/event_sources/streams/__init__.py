"""Mappings of Kinesis and DynamoDB streams, which are delegated: read shard by shard, in order, a batch at a time.

`settings` says what may be configured, `source` reads a stream, `records` shows a function what was read, `batches`
decides what becomes of a batch, `failures` tells who is configured to hear of one that is given up, `polling` changes
the store, `reading` runs the polls and `worker` the batches. Nobody polls: a write to a stream makes the job that reads
it (`reading.around`). Pipes read streams by `polling` and `reading`, too.

A shard is read by as many lanes as the mapping's ParallelizationFactor says. A lane has a position of its own in the
shard and takes the records whose partition key falls to it, so one that is held up holds up no other.
"""

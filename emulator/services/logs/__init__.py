"""CloudWatch Logs: groups, streams, events and what reads them, in the store and on the emulator's clock.

Emulated: groups and streams, PutLogEvents, GetLogEvents, FilterLogEvents with the filter pattern language, retention,
tags, metric filters, subscription filters to functions. Refused by name: Insights queries, exports, live tail,
deliveries, transformers, anomaly detectors. Lambda writes here through `Context.logs` (ingest.py).
"""

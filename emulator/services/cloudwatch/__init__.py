"""CloudWatch metrics: values, statistics and alarms, in the store and on the emulator's clock.

Emulated: PutMetricData, ListMetrics, GetMetricStatistics, GetMetricData with simple metric math, metric alarms.
Refused by name: dashboards, composite alarms, anomaly detection, metric streams, Insights. Lambda writes here
through `Context.metrics` (recording.py).
"""

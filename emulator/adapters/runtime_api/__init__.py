"""The Lambda Runtime API, Extensions API and Telemetry API of one execution environment.

`states`, `replies`, `extensions` and `sandbox` are pure: calls in, answers and events out. `http` cuts bytes into
requests, `listener` owns the socket, `telemetry` delivers to subscribers. Processes are started elsewhere.
"""

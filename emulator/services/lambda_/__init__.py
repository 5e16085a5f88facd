"""AWS Lambda: functions, versions and aliases, synchronous and asynchronous invocation.

docs/compatibility.md says operation by operation what is emulated, how far, and what is refused by name.
"""

"""AWS Step Functions: STANDARD state machines in JSONPath and JSONata.

Emulated: state machines, executions, history, tags; every state type; retry, catch, timeouts, variables; tasks that
call Lambda or an operation of another emulated service. Refused by name: EXPRESS, distributed Map,
versions and aliases.
"""

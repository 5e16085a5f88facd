"""AWS Step Functions: STANDARD and EXPRESS state machines in JSONPath and JSONata.

Emulated: state machines with versions and aliases, executions, history, logs, tags; every state type; retry, catch,
timeouts, variables; tasks that call Lambda or an operation of another emulated service. Refused by name: distributed
Map.
"""

"""Amazon SQS: standard and FIFO queues, durable, on the emulator's clock.

Emulated: every operation of the API in both protocols. Not emulated: policies are kept and not enforced, server-side
encryption is a setting without effect, request throttling and the in-flight quota's `OverLimit` of standard queues.
"""

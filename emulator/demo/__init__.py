"""The demonstration: a client of a running emulator, as any other client would be.

Everything here talks HTTP and boto3; nothing here reaches inside the emulator.
"""

"""The emulator in a test: `with RunningEmulator() as aws: aws.client("lambda")…`.

Importing this imports nothing heavy; boto3 and the emulator are loaded when one is started.
"""

from emulator.testing.harness import RunningEmulator

__all__ = ["RunningEmulator"]

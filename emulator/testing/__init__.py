"""The emulator in a test: `with RunningEmulator() as aws: aws.client("lambda")…`.

`RunningEmulator(make=in_process)` runs Python functions in threads of the test's own process: breakpoints stop in
handlers and coverage sees them. The price is in `adapters/inline_runtime.py`: nothing is killed or limited.

Importing this imports nothing heavy; boto3 and the emulator are loaded when one is started.
"""

from emulator.testing.harness import RunningEmulator, in_process

__all__ = ["RunningEmulator", "in_process"]

"""`emulator sfn`: judge a definition, run it with mocked tasks in virtual time, see what test runs have not covered.

Clients of an emulator, each in a file: `validate.py`, `run.py` and `coverage.py`; `definition_file.py` reads what
people write, `timeline.py` shows what happened, `commands.py` is the command line.
"""

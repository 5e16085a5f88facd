"""The outside world. Imported by `emulator.app` and `emulator.testing` only."""

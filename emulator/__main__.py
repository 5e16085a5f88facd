"""`python -m emulator` is the command `emulator`."""

from emulator.cli import main

if __name__ == "__main__":
    main()

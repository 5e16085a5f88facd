"""AWS_LAMBDA_EXEC_WRAPPER: a script of the package or a layer that starts a managed runtime in its stead.

It is given the runtime's own command line, the script last, and is expected to `exec` it, changed or not, with whatever
environment it likes [D: "Modifying the runtime environment"]. Where it cannot be started this says and does what AWS's
start script does: exit status 127 is recorded, its texts and 126 are unverified. `find` runs in the emulator, `execute`
in the process that becomes the wrapper: standard library only.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
NOT_FOUND, NOT_EXECUTABLE = 127, 126
SHELL = "/bin/sh"


def find(variables: Mapping[str, str], task_root: Path, layers_root: Path | None) -> str:
    """The function's wrapper, where it is on this machine; empty without one."""
    wrapper = variables.get(VARIABLE, "")
    for path, folder in (("/var/task/", task_root), ("/opt/", layers_root)):
        if folder is not None and wrapper.startswith(path):
            return str(folder / wrapper.removeprefix(path))
    return wrapper


def execute(wrapper: str, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Become the wrapper; the exit status if that is impossible."""
    if not Path(wrapper).is_file():
        print(f"{wrapper}: does not exist")
        return NOT_FOUND
    if not os.access(wrapper, os.X_OK):
        print(f"{wrapper}: is not an executable")
        return NOT_EXECUTABLE
    try:
        try:
            os.execve(wrapper, [wrapper, *command], environment)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            os.execve(SHELL, [SHELL, wrapper, *command], environment)  # a script without #!, as a shell does it
    except OSError as error:
        print(f"{wrapper}: {error.strerror}")  # the interpreter it names is missing, for example
        return NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE

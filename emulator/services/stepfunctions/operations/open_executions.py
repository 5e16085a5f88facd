"""How many executions may be open at once [D:service-quotas].

Decides when that is counted: not at every start. No more are open than were counted the last time and have begun since,
so a count holds for as many starts as it left room for, and none is made while fewer have ever begun.
"""

from __future__ import annotations

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.stepfunctions import store
from emulator.settings import LiveSettings


class OpenExecutions:
    """Standard executions that run; children of map runs are another quota's, Express executions nobody's."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings
        self._counted: dict[Scope, tuple[int, int]] = {}
        """By whose they are: the newest execution when they were counted, and how many were open then."""

    def make_room(self, tx: Transaction, scope: Scope, reopened: bool = False) -> None:
        """Raise ExecutionLimitExceeded if no more may be begun, or `reopened`. The text is unverified."""
        most, newest = self._settings.open_executions, store.newest_execution(tx)
        known = self._counted.get(scope)
        if (newest if known is None else newest - known[0] + known[1]) >= most:
            known = self._counted[scope] = (newest, store.count_open(tx, scope))
            if known[1] >= most:
                raise AwsError(
                    "ExecutionLimitExceeded",
                    "The maximum number of running executions has been reached. Running executions must end or be "
                    "stopped before a new execution can be started.",
                )
        if reopened and known is not None:  # is older than the count, and was not in it
            self._counted[scope] = known[0], known[1] + 1

    def forget(self) -> None:
        """After a reset."""
        self._counted.clear()

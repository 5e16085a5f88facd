"""Kinds of execution environments: who runs which runtimes.

A runtime of Lambda (`python3.12`, `provided.al2023`, …) is run by the first kind that claims it. To add one, subclass
`EnvironmentKind` and give it to `ProcessRuntime`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from emulator.ports import FunctionSpec

from .environment import ExecutionEnvironment, Site


class EnvironmentKind(ABC):
    """Makes the execution environments of some runtimes."""

    debugs = False
    """Whether its functions can wait for a debugger (`--debug`)."""

    @abstractmethod
    def runs(self, runtime: str) -> bool:
        """Whether this kind runs functions of `runtime`."""

    async def prepare(self, runtime: str) -> None:
        """Find out what is needed before `runtime` can be run. Called before each `create`."""
        return

    @abstractmethod
    def create(self, function: FunctionSpec, site: Site) -> ExecutionEnvironment:
        """An environment, not yet started. May add to `site.variables`."""

    def runtime_version(self, runtime: str) -> str:
        """What INIT_START calls the runtime."""
        return runtime

    def remark(self, runtime: str) -> str | None:
        """What a user should know about running `runtime` here: a line in the log of each cold start."""
        return None

    async def aclose(self) -> None:
        """End what the kind itself started."""
        return

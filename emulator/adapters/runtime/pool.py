"""Where whoever needs an execution environment gets it from and gives it back to."""

from __future__ import annotations

from abc import ABC, abstractmethod

from emulator.ports import Clock, FunctionSpec

from .environment import ExecutionEnvironment
from .kinds import EnvironmentKind


class Pool(ABC):
    """The environments of a runtime."""

    clock: Clock

    @abstractmethod
    def take_warm(self, key: str) -> ExecutionEnvironment | None:
        """The most recently used idle environment."""

    @abstractmethod
    async def create(self, function: FunctionSpec, kind: EnvironmentKind) -> ExecutionEnvironment:
        """A new environment, not yet started. Raises InvalidPackage."""

    @abstractmethod
    def give_back(self, environment: ExecutionEnvironment) -> None:
        """After an invocation: keep it warm, or end it."""

    @abstractmethod
    async def end(self, environment: ExecutionEnvironment, keep_temporary: bool) -> None:
        """Kill it and wait until it is gone."""

    @abstractmethod
    def end_soon(self, environment: ExecutionEnvironment, keep_temporary: bool) -> None:
        """Kill it without waiting."""

    @abstractmethod
    def loaded(self, function: FunctionSpec) -> None:
        """The init phase of a new environment went well."""

    @abstractmethod
    def last_good(self, function: FunctionSpec) -> ExecutionEnvironment | None:
        """A warm environment with earlier code of the function, for when its present code cannot be loaded."""

    @abstractmethod
    def init_timeout_seconds(self, function: FunctionSpec) -> float:
        """Limit of the init phase."""

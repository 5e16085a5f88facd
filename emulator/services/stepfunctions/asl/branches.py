"""Parallel and inline Map: branches that run beside each other inside one execution.

Decides when a branch or an iteration begins, what its end means to the state it belongs to, and how the rest is stopped
when one fails. Items (some together) and results are texts of their own, so that a step costs the same however many
there are.
"""

from __future__ import annotations

from functools import cached_property

from . import fields
from .data import DATA_LIMIT_BYTES, Data, Json, StateError, dumps, loads, too_large
from .definition import State
from .frames import Frame
from .leaving import Leaving
from .payload import Environment

MAX_MAP_CONCURRENCY = 40
"""Of an inline Map [D:service-quotas]."""
MOST_JOINED = 16 * DATA_LIMIT_BYTES
"""Characters of results together of which `ResultSelector` may make less; more are not even looked at (unverified: AWS
may hold to 256 KiB before it)."""
ITEMS_PER_TEXT = 64
"""Items that have not begun are kept together, so that a Map over 100,000 is no 100,000 rows."""


class Branches(Leaving):
    """How Parallel and Map go on."""

    @cached_property
    def _items(self) -> dict[str, list[Json]]:
        """Texts of items that were read for this signal, by key."""
        return {}

    def _execute_parallel(self, key: str, frame: Frame, state: State) -> None:
        data = self._filled(state, self._environment(key, frame, state))
        started = frame["previous"] = self._emit("ParallelStateStarted", frame["previous"], None, {})
        count = len(state.branches)
        frame["children"] = {"count": count, "left": count, "next": count, "live": {}, "last": started}
        for index, branch in enumerate(state.branches):
            self._start_child(key, frame, index, branch.start_at, data, started)

    def _execute_map(self, key: str, frame: Frame, state: State) -> None:
        environment = self._environment(key, frame, state)
        limit = self._room(state, environment)
        items = fields.items(state, environment)
        count = len(items)
        details = {"length": count}
        started = frame["previous"] = self._emit(
            "MapStateStarted", frame["previous"], "mapStateStartedEventDetails", details
        )
        frame["children"] = {"count": count, "left": count, "next": 0, "live": {}, "last": started}
        for start in range(0, count, ITEMS_PER_TEXT):
            group = f"i{key}.{start // ITEMS_PER_TEXT}"
            some = self._items[group] = items[start : start + ITEMS_PER_TEXT]
            self.frames.put_text(group, dumps(some))
        for _ in range(min(count, limit)):
            self._start_item(key, frame, state, started)
        if count == 0:
            self._children_done(key, frame, state)

    @staticmethod
    def _room(state: State, environment: Environment) -> int:
        """How many iterations of an inline Map may run at once."""
        return min(fields.concurrency(state, environment) or MAX_MAP_CONCURRENCY, MAX_MAP_CONCURRENCY)

    def _start_item(self, key: str, frame: Frame, state: State, previous: int) -> None:
        children = frame["children"]
        index = children["next"]
        children["next"] = index + 1
        item = self._item(key, index)
        details = {"name": state.name, "index": index}
        started = self._emit("MapIterationStarted", previous, "mapIterationStartedEventDetails", details)
        data = item
        if state.parameters is not None:
            environment = self._environment(key, frame, state, item=(index, item))
            try:
                data = Data(state.parameters(environment))
            except StateError:
                children["next"] = index  # a redrive starts it again
                raise
        if index % ITEMS_PER_TEXT == ITEMS_PER_TEXT - 1 or index == children["count"] - 1:
            self.frames.take_text(f"i{key}.{index // ITEMS_PER_TEXT}")
        assert state.processor is not None
        self._start_child(key, frame, index, state.processor.start_at, data, started, item.text)

    def _item(self, key: str, index: int) -> Data:
        """An item of a Map, out of the text that holds it and its neighbours."""
        group = f"i{key}.{index // ITEMS_PER_TEXT}"
        items = self._items.get(group)
        if items is None:
            items = self._items[group] = loads(self.frames.text(group) or "[]")
        return Data(items[index % ITEMS_PER_TEXT])

    def _start_child(
        self, key: str, frame: Frame, index: int, start_at: str, data: Data, previous: int, item: str | None = None
    ) -> None:
        self._counters["frame"] += 1
        child_key = str(self._counters["frame"])
        child: Frame = {"parent": key, "index": index, "state": start_at, "previous": previous}
        if item is not None:
            child["item"] = item
        self.frames.put(child_key, child)
        self._set_input(child_key, child, data)
        frame["children"]["live"][str(index)] = child_key
        self._ready.append(child_key)

    def _child_done(self, child_key: str, child: Frame, output: Data) -> None:
        key = child["parent"]
        frame = self.frames.get(key)
        assert frame is not None, "a parent outlives its children"
        state = self._state(frame)
        children, index = frame["children"], child["index"]
        self.frames.put_text(f"r{key}.{index}", output.text)
        self._release(child)
        self.frames.delete(child_key)
        del children["live"][str(index)]
        children["left"] -= 1
        children["last"] = child["previous"]
        if state.type == "Map":
            details = {"name": state.name, "index": index}
            children["last"] = self._emit(
                "MapIterationSucceeded", child["previous"], "mapIterationSucceededEventDetails", details
            )
            if children["next"] < children["count"]:
                self._guard(key, frame, state, lambda: self._start_item(key, frame, state, child["previous"]))
                return
        if children["left"] == 0:
            self._guard(key, frame, state, lambda: self._children_done(key, frame, state))

    def _children_done(self, key: str, frame: Frame, state: State) -> None:
        children = frame.pop("children")
        texts: list[str] = []
        size = 0
        for index in range(children["count"]):
            if size > MOST_JOINED:
                self.frames.drop_text(f"r{key}.{index}")
            else:
                texts.append(self.frames.take_text(f"r{key}.{index}") or "null")
                size += len(texts[-1])
        self._emit(f"{state.type}StateSucceeded", children["last"], None, {})
        # The state's exit links to the event before …Succeeded [R:test_parallel_state].
        frame["previous"] = children["last"]
        if size > MOST_JOINED:
            raise too_large(state.name)
        self._finish(key, frame, state, Data(text=f"[{','.join(texts)}]"))

    def _child_failed(self, child_key: str, child: Frame, failure: StateError) -> None:
        key = child["parent"]
        frame = self.frames.get(key)
        assert frame is not None, "a parent outlives its children"
        state = self._state(frame)
        if state.type == "Map":
            details = {"name": state.name, "index": child["index"]}
            self._emit("MapIterationFailed", child["previous"], "mapIterationFailedEventDetails", details)
        child["failed"] = True
        frame["previous"] = child["previous"]
        self._fail(key, frame, state, failure)

    def _abort_children(self, key: str, frame: Frame, quiet: bool = False) -> None:
        """Stop what still runs below a frame; `quiet` writes no events (the whole execution ends).

        The frames stay, in case the execution is redriven; see `_drop_children`.
        """
        children = frame.get("children")
        if children is None:
            return
        is_map = self._state(frame).type == "Map"
        for index, child_key in children["live"].items():
            child = self.frames.get(child_key)
            assert child is not None
            if child.pop("failed", False) or child.get("aborted"):
                continue
            child["aborted"] = True
            self._abort_children(child_key, child, quiet)
            self._forget_wait(child)
            child_type = self._state(child).type
            if not quiet and "entered" in child and child_type in ("Task", "Wait", "Parallel", "Map"):
                self._emit(f"{child_type}StateAborted", child["previous"], None, {})
            if not quiet and is_map:
                details = {"name": frame["state"], "index": int(index)}
                self._emit("MapIterationAborted", child["previous"], "mapIterationAbortedEventDetails", details)

    def _drop_children(self, key: str, frame: Frame) -> None:
        """Forget all that was below a frame: its failure is retried or caught."""
        children = frame.pop("children", None)
        if children is None:
            return
        for child_key in children["live"].values():
            child = self.frames.get(child_key)
            assert child is not None
            self._drop_children(child_key, child)
            self._release(child)
            self.frames.delete(child_key)
        for index in range(children["next"]):
            self.frames.drop_text(f"r{key}.{index}")
        for group in range(children["next"] // ITEMS_PER_TEXT, (children["count"] - 1) // ITEMS_PER_TEXT + 1):
            self.frames.drop_text(f"i{key}.{group}")

"""What a Map in mode DISTRIBUTED has besides: reader, batcher, writer, tolerance, and the workflow of its children.

Decides how these fields are read from a validated definition and what is made of them when a map run begins: a plan, a
JSON value that needs the definition no more. Who reads, starts and writes is map_runs/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import jsonata, paths, payload
from .data import Data, Json, StateError, StateFault, dumps, runtime
from .jsonata import Expression, QueryError
from .paths import NoResult, Path
from .payload import Environment, Template

GET_OBJECT, LIST_OBJECTS, PUT_OBJECT = "s3:getObject", "s3:listObjectsV2", "s3:putObject"
INPUT_TYPES = ("CSV", "JSON", "JSONL", "MANIFEST", "PARQUET")
DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
MANIFEST_TYPES = ("S3_INVENTORY", "ATHENA_DATA")
TRANSFORMATIONS = ("NONE", "COMPACT", "FLATTEN")
OUTPUT_TYPES = ("JSON", "JSONL")
MAX_LABEL = 40
MOST_ITEMS = 100_000_000
"""More are not read [D:input-output-itemreader]."""
MOST_CHILDREN_AT_ONCE = 10_000
MAX_BATCH_BYTES = 262_144

Number = int | float | Path | Expression | None
"""A number as it is, by a path, or by an expression."""


@dataclass(frozen=True, slots=True)
class Reader:
    """`ItemReader`."""

    resource: str
    parameters: Template
    config: dict[str, Any]
    max_items: Number


@dataclass(frozen=True, slots=True)
class Batcher:
    """`ItemBatcher`."""

    max_items: Number
    max_bytes: Number
    batch_input: Template | None


@dataclass(frozen=True, slots=True)
class Writer:
    """`ResultWriter`; without `parameters` the results go into the state's output."""

    parameters: Template | None
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Distribution:
    """The fields of a distributed Map."""

    definition: str
    """The workflow of the children."""
    express: bool
    label: str | None
    reader: Reader | None
    batcher: Batcher | None
    writer: Writer | None
    tolerated_count: Number
    tolerated_percentage: Number


class ReaderProblem(StateError):
    """`States.ItemReaderFailed`, found when the map run has begun."""

    def __init__(self, cause: str) -> None:
        super().__init__("States.ItemReaderFailed", cause)


def resource_name(arn: str) -> str:
    """`s3:getObject` of `arn:aws:states:::s3:getObject`; empty for what is none."""
    parts = arn.split(":", 5)
    return parts[5] if len(parts) == 6 and parts[0] == "arn" and parts[2] == "states" else ""


def compile_distribution(source: dict[str, Any], in_jsonata: bool, jsonata_machine: bool) -> Distribution | None:
    """Read a validated Map; None if it is inline."""
    processor = source.get("ItemProcessor") or source["Iterator"]
    config = processor.get("ProcessorConfig", {})
    if config.get("Mode") != "DISTRIBUTED":
        return None
    # The children's definition has a QueryLanguage of its own, as their machine's is not seen there.
    child = {"QueryLanguage": "JSONata", **processor} if jsonata_machine else processor
    reader, batcher, writer = (source.get(name) for name in ("ItemReader", "ItemBatcher", "ResultWriter"))
    return Distribution(
        dumps(child),
        config.get("ExecutionType") == "EXPRESS",
        source.get("Label"),
        _reader(reader, in_jsonata) if reader is not None else None,
        _batcher(batcher, in_jsonata) if batcher is not None else None,
        _writer(writer, in_jsonata) if writer is not None else None,
        _number(source, "ToleratedFailureCount", in_jsonata),
        _number(source, "ToleratedFailurePercentage", in_jsonata),
    )


def _reader(source: dict[str, Any], in_jsonata: bool) -> Reader:
    config = source.get("ReaderConfig", {})
    return Reader(
        resource_name(source["Resource"]), _parameters(source, in_jsonata, "ItemReader"), config,
        _number(config, "MaxItems", in_jsonata),
    )  # fmt: skip


def _batcher(source: dict[str, Any], in_jsonata: bool) -> Batcher:
    batch_input = source.get("BatchInput")
    if batch_input is not None and in_jsonata:
        template = jsonata.compile_template(batch_input, "ItemBatcher/BatchInput")
    else:
        template = payload.compile_template(batch_input) if batch_input is not None else None
    return Batcher(
        _number(source, "MaxItemsPerBatch", in_jsonata), _number(source, "MaxInputBytesPerBatch", in_jsonata), template
    )


def _writer(source: dict[str, Any], in_jsonata: bool) -> Writer:
    exports = "Resource" in source
    return Writer(
        _parameters(source, in_jsonata, "ResultWriter") if exports else None, source.get("WriterConfig") or {}
    )


def _parameters(source: dict[str, Any], in_jsonata: bool, field: str) -> Template:
    if in_jsonata:
        return jsonata.compile_template(source["Arguments"], f"{field}/Arguments")
    return payload.compile_template(source["Parameters"])


def _number(source: dict[str, Any], name: str, in_jsonata: bool) -> Number:
    if f"{name}Path" in source:
        return paths.parse(source[f"{name}Path"])
    value = source.get(name)
    read = jsonata.read(value) if in_jsonata else value
    assert read is None or isinstance(read, (int, float, Expression)), "validated before"
    return read


# ── when a map run begins ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many failures a map run survives; None: not said."""

    count: int | None
    percentage: float | None


def tolerance(distribution: Distribution, environment: Environment) -> Tolerance:
    """Evaluate the tolerated failures. Raises `States.Runtime` or `QueryError` [R:scenarios]."""
    count = _evaluated(distribution.tolerated_count, environment, "ToleratedFailureCount", whole=True)
    if count is not None and count < 0:
        raise _refused(
            distribution.tolerated_count, "ToleratedFailureCount cannot be negative.", "ToleratedFailureCount"
        )
    name = "ToleratedFailurePercentage"
    percentage = _evaluated(distribution.tolerated_percentage, environment, name, whole=False)
    if percentage is not None and not 0 <= percentage <= 100:
        raise _refused(distribution.tolerated_percentage, f"{name} must be between 0 and 100.", name)
    return Tolerance(None if count is None else int(count), None if percentage is None else float(percentage))


def max_items(reader: Reader | None, environment: Environment) -> int | None:
    """How many items are read; None: all. Raises as `tolerance`; a negative one fails when the map run has begun."""
    value = _evaluated(reader.max_items, environment, "MaxItems", whole=True) if reader is not None else None
    return None if not value else min(int(value), MOST_ITEMS)


def reads_many(config: dict[str, Any]) -> bool:
    """Whether a ReaderConfig is about the items of many objects [D:input-output-itemreader]."""
    return config.get("Transformation") == "LOAD_AND_FLATTEN" or config.get("ManifestType") == "ATHENA_DATA"


def make_plan(distribution: Distribution, environment: Environment, most: int | None) -> dict[str, Any]:
    """What map_runs/ needs to know: children, reader, batches, writer. `most` is `max_items`'s."""
    plan: dict[str, Any] = {"definition": distribution.definition, "express": distribution.express}
    reader, batcher, writer = distribution.reader, distribution.batcher, distribution.writer
    if reader is not None:
        if most is not None and most < 0:
            raise ReaderProblem("field MaxItems must be positive")
        parameters = _object(reader.parameters(environment), "ItemReader", ReaderProblem)
        plan["reader"] = {"resource": reader.resource, "parameters": parameters, "config": reader.config, "most": most}
    if batcher is not None:
        plan["batch"] = {
            "items": _positive(batcher.max_items, environment, "MaxItemsPerBatch"),
            "bytes": min(
                _positive(batcher.max_bytes, environment, "MaxInputBytesPerBatch") or MAX_BATCH_BYTES, MAX_BATCH_BYTES
            ),
            "input": batcher.batch_input(environment) if batcher.batch_input is not None else None,
        }
    if writer is not None:
        parameters = None
        if writer.parameters is not None:
            parameters = _object(writer.parameters(environment), "ResultWriter", _WriterProblem)
        exports = parameters is not None
        plan["writer"] = {
            "parameters": parameters,
            "transformation": writer.config.get("Transformation", "NONE" if exports else "COMPACT"),
            "output": writer.config.get("OutputType", "JSON"),
        }
    return plan


class _WriterProblem(StateError):
    def __init__(self, cause: str) -> None:
        super().__init__("States.ResultWriterFailed", cause)


def _object(value: Json, field: str, problem: Callable[[str], StateError]) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise problem(f"The parameters of {field} must be strings: {dumps(value)}")
    return value


def _positive(number: Number, environment: Environment, field: str) -> int | None:
    value = _evaluated(number, environment, field, whole=True)
    if value is not None and value <= 0:
        raise _refused(number, f"{field} must be positive.", field)
    return None if value is None else int(value)


def _evaluated(number: Number, environment: Environment, field: str, whole: bool) -> int | float | None:
    if number is None or isinstance(number, (int, float)):
        return number
    if isinstance(number, Expression):
        value = number.typed(environment, field, "number")
        if whole and value != int(value):
            raise QueryError(f"The {field} field must be an integer: {dumps(value)}", field)
        return value
    try:
        value = environment.select(number)
    except NoResult:
        raise runtime(f"The {field}Path parameter does not reference an input value: {number.text}") from None
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        shown = value if isinstance(value, str) else dumps(value)
        kind = "integer" if whole else "float"
        raise runtime(f'The {field}Path field refers to value "{shown}" which is not a valid {kind}: {number.text}')
    return value


def _refused(number: Number, text: str, field: str) -> StateFault:
    return QueryError(text, field) if isinstance(number, Expression) else runtime(text)


def first_batch(items: Iterable[Data], batch: dict[str, Any]) -> list[Data]:
    """The items that go into one child: as many as a plan's `batch` takes and its bytes hold, one at least."""
    chosen: list[Data] = []
    size = len(batch_of([], batch["input"]).text.encode())
    for item in items:
        size += len(item.text.encode()) + bool(chosen)
        if chosen and (size > batch["bytes"] or len(chosen) == batch["items"]):
            break
        chosen.append(item)
    return chosen


def batch_of(items: list[Data], batch_input: Json | None) -> Data:
    """The input of a child that gets several items [R:test_map_item_batching]."""
    first = f'"BatchInput":{dumps(batch_input)},' if batch_input is not None else ""
    return Data(text=f'{{{first}"Items":[{",".join(item.text for item in items)}]}}')

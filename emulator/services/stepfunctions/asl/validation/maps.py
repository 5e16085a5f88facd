"""Judging a Map: its processor, and what only one in mode DISTRIBUTED has (reference 5.2).

The texts about distributed Maps are unverified; what is refused follows AWS's documentation of each field.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from emulator.services.stepfunctions.asl import jsonata
from emulator.services.stepfunctions.asl.distribution import (
    DELIMITERS,
    GET_OBJECT,
    INPUT_TYPES,
    LIST_OBJECTS,
    MANIFEST_TYPES,
    MAX_LABEL,
    OUTPUT_TYPES,
    PUT_OBJECT,
    TRANSFORMATIONS,
    resource_name,
)
from emulator.services.stepfunctions.asl.validation.fields import FieldJudge

DISTRIBUTED_FIELDS = ("ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailureCountPath",
                      "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label")  # fmt: skip
_BAD_IN_LABEL = set(' ?*<>{}[]:;,\\|^~$#%&`"')


class MapJudge(FieldJudge):
    """The fields of a Map state."""

    @abstractmethod
    def scope(self, scope: dict[str, Any], at: str, depth: int) -> None:
        """Judge a group of states that lead to each other."""

    def map(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        given = [name for name in ("ItemProcessor", "Iterator") if name in state]
        if self.jsonata and "ItemProcessor" not in state:
            self.add(at, "These fields are required: [ItemProcessor]")
        elif len(given) != 1:
            self.add(at, "Exactly one of these fields is required: [ItemProcessor, Iterator]")
        self.at_most_one(state, ("Parameters", "ItemSelector"), at)
        self.at_most_one(state, ("MaxConcurrency", "MaxConcurrencyPath"), at)
        self.whole(state, "MaxConcurrency", at, 0, 99_999_999)
        self.selecting(state, "MaxConcurrencyPath", at)
        self.selecting(state, "ItemsPath", at)
        distributed = False
        for name in given:
            where, processor = f"{at}/{name}", state[name]
            if not isinstance(processor, dict):
                self.add(where, "Expected value of type Object")
                continue
            self.unknown(processor, ("ProcessorConfig", "StartAt", "States", "Comment"), where)
            distributed, express = self._mode(processor.get("ProcessorConfig", {}), f"{where}/ProcessorConfig")
            outside, self.express = self.express, self.express or express
            outermost = self.outermost
            if distributed:
                self.outermost = depth + 1  # children are executions with variables of their own
            self.scope(processor, where, depth + 1)
            self.express, self.outermost = outside, outermost
        self.jsonata = self.jsonata_machine or state.get("QueryLanguage") == "JSONata"
        items = state.get("Items", [])
        if not isinstance(items, (list, dict) if distributed else list) and jsonata.expression_text(items) is None:
            self.add(f"{at}/Items", "Expected value of type Array or a JSONata expression")
        if distributed:
            self._distributed(state, at)
        else:
            for name in DISTRIBUTED_FIELDS:
                if name in state:
                    self.add(f"{at}/{name}", f"The field '{name}' is only supported in mode DISTRIBUTED")

    def _mode(self, config: Any, at: str) -> tuple[bool, bool]:
        """(whether the Map is distributed, whether its children are Express executions)."""
        mode = config.get("Mode", "INLINE") if isinstance(config, dict) else None
        if mode not in ("INLINE", "DISTRIBUTED"):
            self.add(f"{at}/Mode", "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]")
            return False, False
        self.unknown(config, ("Mode", "ExecutionType") if mode == "DISTRIBUTED" else ("Mode",), at)
        if mode == "INLINE":
            return False, False
        if self.express:
            self.add(f"{at}/Mode", "Express state machine does not support Map state in mode DISTRIBUTED")
        if "ExecutionType" not in config:
            self.add(at, "These fields are required: [ExecutionType]")
        elif config["ExecutionType"] not in ("STANDARD", "EXPRESS"):
            self.add(
                f"{at}/ExecutionType", "The field 'ExecutionType' should have one of these values: [STANDARD, EXPRESS]"
            )
        return True, config.get("ExecutionType") == "EXPRESS"

    def _distributed(self, state: dict[str, Any], at: str) -> None:
        for name, high in (("ToleratedFailureCount", 2**31 - 1), ("ToleratedFailurePercentage", 100)):
            self.at_most_one(state, (name, f"{name}Path"), at)
            if name == "ToleratedFailurePercentage":
                self._percentage(state, name, at)
            else:
                self.whole(state, name, at, 0, high)
            self.selecting(state, f"{name}Path", at)
        self._label(state, at)
        for name, judge in (
            ("ItemReader", self._reader),
            ("ItemBatcher", self._batcher),
            ("ResultWriter", self._writer),
        ):
            if name in state:
                if isinstance(state[name], dict):
                    judge(state[name], f"{at}/{name}")
                else:
                    self.add(f"{at}/{name}", "Expected value of type Object")
        if "ItemReader" in state and "Items" in state:
            self.at_most_one(state, ("Items", "ItemReader"), at)

    def _percentage(self, state: dict[str, Any], name: str, at: str) -> None:
        value = state.get(name, 0)
        if self.expression(state, name, at):
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.add(f"{at}/{name}", "Expected value of type Number")
        elif not 0 <= value <= 100:
            self.add(f"{at}/{name}", "Value should be between 0 and 100")

    def _label(self, state: dict[str, Any], at: str) -> None:
        self.text(state, "Label", at)
        label = state.get("Label")
        if not isinstance(label, str):
            return
        if not 1 <= len(label) <= MAX_LABEL:
            self.add(f"{at}/Label", f"Label length should be between 1 and {MAX_LABEL}")
        bad = next((c for c in label if c in _BAD_IN_LABEL or c == "/" or c < " " or "\x7f" <= c <= "\x9f"), None)
        if bad is not None:
            self.add(f"{at}/Label", f"Label contains invalid character: '{bad}'")

    def _call(self, source: dict[str, Any], at: str, resources: tuple[str, ...], members: tuple[str, ...]) -> str:
        """Judge `Resource` and `Parameters` (`Arguments`) of a reader or writer; the name of its resource."""
        resource, name = source.get("Resource"), "Arguments" if self.jsonata else "Parameters"
        known = resource_name(resource) if isinstance(resource, str) else ""
        if resource is None:
            self.add(at, "These fields are required: [Resource]")
        elif known not in resources:
            self.add(f"{at}/Resource", f"The resource provided {resource} is not supported here")
        parameters = source.get(name)
        if self.jsonata:
            self.expressions(source, name, at)
        else:
            self.template(source, name, at)
        if self.jsonata and jsonata.expression_text(parameters) is not None:
            return known
        if parameters is None:
            self.add(at, f"These fields are required: [{name}]")
            return known
        if not isinstance(parameters, dict):
            self.add(f"{at}/{name}", "Expected value of type Object")
            return known
        given = {key.removesuffix(".$") for key in parameters}
        for key in given - set(members):
            self.add(f"{at}/{name}/{key}", "Field is not supported")
        needed = ("Bucket", "Key") if known == GET_OBJECT else ("Bucket",)
        missing = [key for key in needed if key not in given]
        if missing:
            self.add(f"{at}/{name}", f"These fields are required: [{', '.join(missing)}]")
        return known

    def _reader(self, reader: dict[str, Any], at: str) -> None:
        self.unknown(reader, ("Resource", "Arguments" if self.jsonata else "Parameters", "ReaderConfig"), at)
        members = ("Bucket", "Key", "VersionId", "Prefix", "ExpectedBucketOwner")
        resource = self._call(reader, at, (GET_OBJECT, LIST_OBJECTS), members)
        config, where = reader.get("ReaderConfig", {}), f"{at}/ReaderConfig"
        if not isinstance(config, dict):
            self.add(where, "Expected value of type Object")
            return
        self.unknown(
            config,
            ("InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "MaxItems", "MaxItemsPath", "ItemsPointer",
             "ManifestType", "Transformation"),
            where,
        )  # fmt: skip
        kind = config.get("InputType")
        manifest, flattened = config.get("ManifestType"), config.get("Transformation") == "LOAD_AND_FLATTEN"
        needs_kind = flattened or (resource == GET_OBJECT and manifest != "S3_INVENTORY")
        if needs_kind and kind is None:
            self.add(where if "ReaderConfig" in reader else at, "These fields are required: [InputType]")
        if flattened and resource == GET_OBJECT:
            self.add(f"{where}/Transformation", "Transformation is only supported with s3:listObjectsV2")
        if kind not in (None, "MANIFEST") and manifest == "S3_INVENTORY":
            self.add(f"{where}/InputType", "InputType cannot be specified with ManifestType S3_INVENTORY")
        if kind == "MANIFEST" and (flattened or manifest == "ATHENA_DATA"):
            self._one_of(config, "InputType", tuple(each for each in INPUT_TYPES if each != "MANIFEST"), where)
        if manifest is not None and resource == LIST_OBJECTS:
            self.add(f"{where}/ManifestType", "ManifestType is only supported with s3:getObject")
        self._one_of(config, "InputType", INPUT_TYPES, where)
        self._one_of(config, "CSVHeaderLocation", ("FIRST_ROW", "GIVEN"), where)
        self._one_of(config, "CSVDelimiter", tuple(DELIMITERS), where)
        self._one_of(config, "ManifestType", MANIFEST_TYPES, where)
        self._one_of(config, "Transformation", ("NONE", "LOAD_AND_FLATTEN"), where)
        if kind == "CSV" and "CSVHeaderLocation" not in config:
            self.add(where, "These fields are required: [CSVHeaderLocation]")
        headers = config.get("CSVHeaders")
        if config.get("CSVHeaderLocation") == "GIVEN" and headers is None:
            self.add(where, "These fields are required: [CSVHeaders]")
        if headers is not None and (
            not isinstance(headers, list) or not headers or not all(isinstance(name, str) for name in headers)
        ):
            self.add(f"{where}/CSVHeaders", "Expected value of type Array of String")
        self.at_most_one(config, ("MaxItems", "MaxItemsPath"), where)
        self.whole(config, "MaxItems", where, 0, 100_000_000)
        self.selecting(config, "MaxItemsPath", where)
        pointer = config.get("ItemsPointer")
        if "ItemsPointer" in config and not (isinstance(pointer, str) and pointer.startswith("/")):
            self.add(f"{where}/ItemsPointer", "Value is not a valid JSON Pointer")

    def _one_of(self, source: dict[str, Any], name: str, values: tuple[str, ...], at: str) -> None:
        if name in source and source[name] not in values:
            self.add(f"{at}/{name}", f"The field '{name}' should have one of these values: [{', '.join(values)}]")

    def _batcher(self, batcher: dict[str, Any], at: str) -> None:
        names = ("MaxItemsPerBatch", "MaxInputBytesPerBatch")
        paths = () if self.jsonata else tuple(f"{name}Path" for name in names)
        self.unknown(batcher, (*names, *paths, "BatchInput"), at)
        if not any(name in batcher for name in (*names, *paths)):
            self.add(at, f"At least one of these fields is required: [{', '.join(names)}]")
        for name, high in zip(names, (2**31 - 1, 262_144), strict=True):
            self.at_most_one(batcher, (name, f"{name}Path"), at)
            if name in batcher:
                self.whole(batcher, name, at, 1, high)
            self.selecting(batcher, f"{name}Path", at)
        if self.jsonata:
            self.expressions(batcher, "BatchInput", at)
        else:
            self.template(batcher, "BatchInput", at)

    def _writer(self, writer: dict[str, Any], at: str) -> None:
        name = "Arguments" if self.jsonata else "Parameters"
        self.unknown(writer, ("Resource", name, "WriterConfig"), at)
        if not writer:
            self.add(at, "Value cannot be empty")
        elif "Resource" in writer or name in writer:
            self._call(writer, at, (PUT_OBJECT,), ("Bucket", "Prefix", "ExpectedBucketOwner"))
        config, where = writer.get("WriterConfig", {}), f"{at}/WriterConfig"
        if not isinstance(config, dict):
            self.add(where, "Expected value of type Object")
            return
        self.unknown(config, ("Transformation", "OutputType"), where)
        self._one_of(config, "Transformation", TRANSFORMATIONS, where)
        self._one_of(config, "OutputType", OUTPUT_TYPES, where)

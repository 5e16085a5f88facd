"""AWS::Serverless-2016-10-31: AWS's own translator, asked as AWS asks it, without a network.

Decides what the translator is told (region, parameters, managed policies) and turns what it says into `TemplateError`s
with their places. Imported on use only: the translator takes half a second to import. It holds state of its own, so one
at a time.
"""

from __future__ import annotations

import gc
import json
import logging
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from types import SimpleNamespace
from typing import Any

from emulator.deploy.template import sam_copies
from emulator.deploy.template.document import Document, Path, TemplateError
from emulator.deploy.template.environment import Place
from emulator.deploy.template.model import LIMITS
from emulator.ports import Json

NAME = "AWS::Serverless-2016-10-31"

_one_at_a_time = Lock()
"""AWS's translator keeps region and metrics in its modules."""
_last: dict[str, dict[str, Json]] = {}
"""What was asked last, and what was made of it: a session in the emulator's process checks what is then deployed."""


def load() -> None:
    """Import the translator, ahead of its use and beside other work: in a thread."""
    with _one_at_a_time, _without_collections():
        import samtranslator.translator.translator  # noqa: F401 # pyright: ignore[reportUnusedImport]

        sam_copies.install()


def translate(document: Document, parameters: Mapping[str, str], place: Place) -> Document:
    """The document with its AWS::Serverless resources made into those they stand for, and without Transform and
    Globals.

    Slow (tens of milliseconds to a second): in a thread. Raises TemplateError in AWS's words.
    """
    _refuse_too_many(document)
    _refuse_repository(document)
    given = _given(parameters, place)
    asked = json.dumps([document.value, given], default=str)
    with _one_at_a_time:
        value = _last.get(asked)
        if value is None:
            with _without_collections():
                value = _translated(document, given)
            _last.clear()
            _last[asked] = value
    return document.replaced(_copy(value))


@contextmanager
def _without_collections() -> Generator[None]:
    """The translator makes many objects that live long: looking through them again and again takes half its time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _given(parameters: Mapping[str, str], place: Place) -> dict[str, Any]:
    """What it may resolve by itself: keys of mappings. It leaves references to pseudo parameters as they are."""
    return {
        **parameters,
        "AWS::Region": place.region,
        "AWS::Partition": place.partition,
        "AWS::AccountId": place.account,
        "AWS::StackName": place.stack_name,
        "AWS::URLSuffix": place.url_suffix,
    }


def _translated(document: Document, given: dict[str, Any]) -> dict[str, Json]:
    from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
    from samtranslator.model.exceptions import ExceptionWithMessage, InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of toggles that only AWS has
    fragment: Any = _copy(document.value)
    given = dict(given)
    sam_copies.install()
    metrics = Metrics("ServerlessTransform", DummyMetricsPublisher())
    try:
        # As AWS does: logical ids hold hashes of what the first translator's Python would have printed.
        to_py27_compatible_template(fragment, given)
        session: Any = SimpleNamespace(region_name=given["AWS::Region"])  # all that it is asked for
        translator = Translator(None, Parser(), boto_session=session, metrics=metrics)
        policies = _ManagedPolicies(given["AWS::Partition"])
        made: Any = translator.translate(fragment, given, get_managed_policy_map=lambda: policies)
        value: dict[str, Json] = undo_mark_unicode_str_in_template(made)
        return _copy(value)
    except InvalidDocumentException as error:
        raise _refused(document, error.message, list(error.causes)) from error
    except ExceptionWithMessage as error:
        raise _refused(document, error.message, [error]) from error
    except Exception as error:
        # AWS's own words for a template that its translator stumbles over
        hint = f"the translator failed with {type(error).__name__}: {error}"
        raise document.error(f"Transform {NAME} failed with: Internal transform failure.", (), hint) from error
    finally:
        metrics.publish()  # to nobody; it would complain on stderr


class _ManagedPolicies(dict[str, str]):
    """ARNs of AWS's policies that are newer than the translator's list."""

    def __init__(self, partition: str) -> None:
        super().__init__()
        self._partition = partition

    def __bool__(self) -> bool:
        return True

    def get(self, key: str, default: Any = None) -> Any:
        if not re.fullmatch(r"[\w+=,.@-]+", key):
            return default
        return f"arn:{self._partition}:iam::aws:policy/{key}"


def _refused(document: Document, message: str, causes: list[Any]) -> TemplateError:
    text = " ".join([message, *(cause.message for cause in causes if cause.message != message)])
    path = next(_places(document, causes), ())
    return document.error(f"Transform {NAME} failed with: {text}", path)


def _places(document: Document, causes: list[Any]) -> Iterator[Path]:
    """Where the translator's complaints are: it names resources, events and properties."""
    resources = document.value.get("Resources")
    for cause in causes:
        match = re.search(r"with id \[([^\]]+)\]", cause.message)
        if match is None or not isinstance(resources, dict) or not isinstance(resources.get(match.group(1)), dict):
            continue
        path: Path = ("Resources", match.group(1))
        properties = resources[match.group(1)].get("Properties")
        event = re.search(r"Event with id \[([^\]]+)\]", cause.message)
        named = [event.group(1)] if event else re.findall(r"'(\w+)'|\bproperty (\w+)", cause.message)
        for name in ([item] if isinstance(item, str) else [part for part in item if part] for item in named):
            inner: Any = properties.get("Events") if event and isinstance(properties, dict) else properties
            if isinstance(inner, dict) and name and name[0] in inner:
                path = (*path, "Properties", "Events", name[0]) if event else (*path, "Properties", name[0])
                break
        yield path


def _refuse_too_many(document: Document) -> None:
    """What would be over AWS's limit once it is translated: the translator's time grows with the square of the
    events."""
    resources = document.value.get("Resources")
    made = 0
    for item in resources.values() if isinstance(resources, dict) else ():
        properties = item.get("Properties") if isinstance(item, dict) else None
        events = properties.get("Events") if isinstance(properties, dict) else None
        made += max(1, len(events) if isinstance(events, dict) else 1)
    limit = LIMITS["Resources"]
    if made > limit:
        raise document.error(
            f"Template format error: Number of resources, {made}, is greater than maximum allowed, {limit}",
            ("Resources",),
        )


def _refuse_repository(document: Document) -> None:
    resources = document.value.get("Resources")
    for name, item in resources.items() if isinstance(resources, dict) else ():
        if not isinstance(item, dict) or item.get("Type") != "AWS::Serverless::Application":
            continue
        properties = item.get("Properties")
        location = properties.get("Location") if isinstance(properties, dict) else None
        if isinstance(location, dict) and "ApplicationId" in location:
            raise document.error(
                f"Transform {NAME} failed with: Invalid Serverless Application Specification document. Number of "
                "errors "
                f"found: 1. Resource with id [{name}] is invalid. The Serverless Application Repository is not "
                "emulated.",
                ("Resources", name, "Properties", "Location"),
                "deploy its template as a nested stack",
            )


def _copy(value: Any) -> Any:
    """Plain values: the translator makes subclasses of str and dict, and changes what it is given."""
    if isinstance(value, dict):
        return {str(name): _copy(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copy(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value

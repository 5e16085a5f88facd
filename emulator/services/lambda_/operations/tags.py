"""Tags of whatever can have them: functions, code signing configs, event source mappings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_settings
from emulator.services.lambda_.event_sources import store as mappings
from emulator.services.lambda_.operations.code_signing import existing_config
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import function_not_found, invalid_parameter, not_found
from emulator.services.lambda_.rules.tags import checked_tags

Request = dict[str, Any]
Tags = dict[str, str]


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags of something, and how others are kept instead."""

    tags: Tags
    save: Callable[[Tags], None]


class TagOperations(LambdaState):
    """ListTags, TagResource, UntagResource; the form of the ARN has been checked by the service's model."""

    def list_tags(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Tags of a resource."""
        return {"Tags": self._tagged(tx, scope, request, "ListTags").tags}

    def tag_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add or overwrite tags."""
        tagged = self._tagged(tx, scope, request, "TagResource")
        if not request.get("Tags"):
            raise invalid_parameter("An error occurred and the request cannot be processed.")
        tagged.save(checked_tags(request, tagged.tags))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove tags; unknown keys are fine."""
        tagged = self._tagged(tx, scope, request, "UntagResource")
        keys: set[str] = set(request.get("TagKeys") or [])
        tagged.save({key: text for key, text in tagged.tags.items() if key not in keys})
        return {}

    def _tagged(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Tagged:
        arn: str = request["Resource"]
        parsed = Arn.parse(arn)
        assert parsed is not None, "the model lets ARNs only through"
        kind, _, name = parsed.resource.partition(":")
        if kind == "function":
            return self._function(tx, scope, arn, action)
        if kind == "code-signing-config":
            config = existing_config(tx, scope, arn)
            return Tagged(config.tags, lambda tags: store_settings.save_config(tx, replace(config, tags=tags)))
        if kind == "event-source-mapping":
            poller = mappings.find(tx, name)
            if poller is None or poller.mapping.arn != arn or poller.mapping.scope != scope:
                raise not_found("The resource you requested does not exist.")
            uuid = poller.mapping.uuid
            return Tagged(mappings.tags_of(tx, uuid) or {}, lambda tags: mappings.save_tags(tx, uuid, tags))
        raise NotEmulated("lambda", f"{action} of {kind}", "managed instances")

    def _function(self, tx: Transaction, scope: Scope, arn: str, action: str) -> Tagged:
        named = names.parse(arn, scope, action=action)
        if named.qualifier is not None:
            raise invalid_parameter("Tags on function aliases and versions are not supported. "
                                    "Please specify a function ARN.")  # fmt: skip
        function = tables.find_function(tx, scope, named.name)
        if function is None:
            raise function_not_found(named.arn)
        found = function

        def save(tags: Tags) -> None:
            tables.save_function(tx, found.changed(tags=tags))
            self.function_changed()

        return Tagged(found.tags, save)

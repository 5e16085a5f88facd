"""The kinds of client SDKs that API Gateway can generate, as GetSdkTypes lists them. A table; generates nothing.

Names and properties are those of AWS's documentation; descriptions are unverified.
"""

from __future__ import annotations

from typing import Any


def _property(name: str, friendly: str, description: str, required: bool, default: str | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": name,
        "friendlyName": friendly,
        "description": description,
        "required": required,
    }
    return shown if default is None else {**shown, "defaultValue": default}


SDK_TYPES: tuple[dict[str, Any], ...] = (
    {
        "id": "android",
        "friendlyName": "Android",
        "description": "Generates an Android SDK",
        "configurationProperties": [
            _property("groupId", "Group ID", "Group ID of the generated Maven artifact", True),
            _property("artifactId", "Artifact ID", "Artifact ID of the generated Maven artifact", True),
            _property("artifactVersion", "Artifact Version", "Version of the generated Maven artifact", True),
            _property("invokerPackage", "Invoker Package", "Root package of the generated client", True),
        ],
    },
    {
        "id": "java",
        "friendlyName": "Java SDK",
        "description": "Generates a Java SDK",
        "configurationProperties": [
            _property("service.name", "Service Name", "Name of the service, used for client classes", True),
            _property("java.package-name", "Java Package Name", "Package of the generated code", True),
            _property("java.build-system", "Java Build System", "Build system of the project", False, "maven"),
            _property("java.group-id", "Java Group Id", "Group ID of the generated artifact", False),
            _property("java.artifact-id", "Java Artifact Id", "Artifact ID of the generated artifact", False),
            _property(
                "java.artifact-version", "Java Artifact Version", "Version of the artifact", False, "1.0-SNAPSHOT"
            ),
            _property("java.license-text", "Source Code License Text", "License of the generated code", False),
        ],
    },
    {
        "id": "javascript",
        "friendlyName": "JavaScript",
        "description": "Generates a JavaScript SDK",
        "configurationProperties": [],
    },
    {
        "id": "objectivec",
        "friendlyName": "iOS (Objective-C)",
        "description": "Generates an iOS SDK in Objective-C",
        "configurationProperties": [_property("classPrefix", "Prefix", "Prefix of the generated classes", True)],
    },
    {
        "id": "ruby",
        "friendlyName": "Ruby SDK",
        "description": "Generates a Ruby SDK",
        "configurationProperties": [
            _property("service.name", "Service Name", "Name of the service, used for client classes", True),
            _property("ruby.gem-name", "Ruby Gem Name", "Name of the generated gem", False),
            _property("ruby.gem-version", "Ruby Gem Version", "Version of the generated gem", False),
        ],
    },
    {
        "id": "swift",
        "friendlyName": "iOS (Swift)",
        "description": "Generates an iOS SDK in Swift",
        "configurationProperties": [_property("classPrefix", "Prefix", "Prefix of the generated classes", True)],
    },
)

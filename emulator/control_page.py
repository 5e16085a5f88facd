"""The page at /_emulator/docs: the control API as its own OpenAPI document describes it.

Plain HTML without scripts: it works offline, and the page may load nothing from anywhere.
"""

from __future__ import annotations

import json
import shlex
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.4rem}h2{font:600 1rem ui-monospace,monospace;margin:2rem 0 .2rem}a{color:#0b5cad}
p{margin:.2rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;padding:.6rem;border-radius:6px}
"""


def render(openapi: dict[str, Any], url: str) -> str:
    """The page. `url` is the emulator's, for the examples."""
    operations = [
        _operation(path, method, operation, url)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    shapes = [
        f'<h2 id="{escape(name)}">{escape(name)}</h2>{_shape(schema)}'
        for name, schema in openapi["components"]["schemas"].items()
    ]
    title = escape(openapi["info"]["title"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>Version {escape(openapi['info']['version'])}. For programs: "
        '<a href="/_emulator/openapi.json">openapi.json</a>.</p>'
        + "".join(operations)
        + "".join(shapes)
        + "</body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any], url: str) -> str:
    name = f"{method.upper()} {path}"
    if method == "get" and "{" not in path:
        name = f'GET <a href="{escape(path)}">{escape(path)}</a>'
    else:
        name = escape(name)
    said = escape(operation.get("description", ""))
    asked = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    parameters = "".join(f"<li><code>{escape(each['name'])}</code>{_default(each)}</li>" for each in asked)
    listed = f"<ul>{parameters}</ul>" if parameters else ""
    example = f"<pre>{escape(_example(path, method, operation, url))}</pre>"
    taken = operation.get("requestBody", {}).get("content", {})
    answered = operation["responses"].get("200", {}).get("content", {})
    return f"<h2>{name}</h2><p>{said}</p>{listed}{example}{_contents('Takes', taken)}{_contents('Answers', answered)}"


def _contents(verb: str, contents: dict[str, Any]) -> str:
    return "".join(
        f"<p>{verb} {_kind(content['schema'])}</p>{_shape(content['schema'])}"
        if "json" in kind
        else f"<p>{verb} <code>{escape(kind)}</code></p>"
        for kind, content in contents.items()
    )


def _shape(schema: dict[str, Any]) -> str:
    """The members of an object, or of each that something may be."""
    if "items" in schema:
        return _shape(schema["items"])
    if "oneOf" in schema:
        return "".join(_shape(each) for each in schema["oneOf"])
    required = schema.get("required", ())
    members = "".join(
        f"<li><code>{escape(name)}</code>{'' if name in required else '?'} {_kind(member)}{_shape(member)}</li>"
        for name, member in schema.get("properties", {}).items()
    )
    return f"<ul>{members}</ul>" if members else ""


def _kind(schema: dict[str, Any]) -> str:
    """What something is, in words."""
    says = f": {escape(schema['description'])}" if schema.get("description") else ""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "const" in schema or "enum" in schema:
        among = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in among) + says
    if "items" in schema:
        return f"list of {_kind(schema['items'])}{says}"
    if "oneOf" in schema:
        return f"one of these{says}"
    kind = schema.get("type", "anything")
    return escape(kind if isinstance(kind, str) else " or ".join(kind)) + says


def _default(parameter: dict[str, Any]) -> str:
    if parameter.get("required"):
        return ", required"
    default = parameter["schema"].get("default")
    return "" if default in (None, "") else f" = {escape(json.dumps(default))}"


def _example(path: str, method: str, operation: dict[str, Any], url: str) -> str:
    """A command that asks it."""
    line = "curl -s "
    body = operation.get("requestBody")
    if body is not None:
        example = body["content"].get("application/json", {}).get("example")
        if method != "post":
            line += f"-X {method.upper()} "
        if example is None:
            return f"{line}{url}{path} --data-binary @FILE"
        return f"{line}{url}{path} -d {shlex.quote(json.dumps(example))}"
    return f"{line}{'' if method == 'get' else f'-X {method.upper()} '}{url}{path}"

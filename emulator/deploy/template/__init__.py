"""The language of CloudFormation templates: from a text to what each resource is to be. Pure: no store, no network.

What is read when, in the order of a deployment:

    document = document.parse(text, file)                  YAML or JSON, and where each node stands
    document = transforms.process(document, ...)           Include, Fn::ForEach, SAM: a document again
    template = model.read(document)                        sections, names, limits
    values   = parameters.resolve(template, given, ...)    what the caller gave, or defaults
    environment = Environment(template, values, ...)       what Ref, Fn::GetAtt, … see
    order    = graph.order(template, environment)          conditions applied, cycles refused
    properties = evaluate(resource.properties, environment, path)
    findings = lint.lint(environment)                      what will go wrong in production

Every failure of the user's is a `TemplateError`: AWS's text, the path into the document, and file, line and column.
What must be fetched (exports, SSM parameters, secrets, included files) comes by arguments: whoever has the store asks
first.
"""

from emulator.deploy.template.document import Document, Location, Path, TemplateError, parse
from emulator.deploy.template.environment import Environment, Unknown
from emulator.deploy.template.evaluate import evaluate
from emulator.deploy.template.model import Output, Parameter, Resource, Template, read

__all__ = [
    "Document",
    "Environment",
    "Location",
    "Output",
    "Parameter",
    "Path",
    "Resource",
    "Template",
    "TemplateError",
    "Unknown",
    "evaluate",
    "parse",
    "read",
]

"""Resource types: what CloudFormation does to other services for each type of resource in a template.

**How to add a type.** Find the file of its service (`sqs.py`, `sns.py`, …; a new service is a new file, whose `TYPES`
`table.py` lists) and add a `ResourceType` to its `TYPES`:

    ResourceType(
        name="AWS::Logs::LogStream",
        service="logs",                                  # botocore's name; `table.py` need not know it
        properties=words("LogGroupName LogStreamName"),  # all that AWS documents; others are refused by name
        required=words("LogGroupName"),
        replaces=words("LogGroupName LogStreamName"),    # AWS: "Update requires: Replacement"
        named_by="LogStreamName",                        # the property that names it: else a name is generated
        create=create_log_stream,
        delete=delete_log_stream,                        # `update` is left out: nothing changes without replacement
    )

`create`, `update`, `delete` are generators: they *yield* calls and are sent the answers, so that the same function runs
in one transaction for a native service and around awaits for a delegated one. They never touch a store or the time:

    def create_log_stream(it: Subject) -> Steps:
        yield Call("CreateLogStream", it.wanted("LogGroupName", "LogStreamName"))
        return Made(it.name)

`it.properties` holds what the template says, every intrinsic resolved; `it.wanted(…)` the named ones that are given,
the name among them even if it is generated; `it.previous` the properties before an update; `it.physical_id` and
`it.attributes` what `create` returned. A yielded request may hold CloudFormation's spelling: `shapes.py` turns it into
the operation's shape (capitals of members, texts into numbers and booleans, documents into JSON text, lists of Key and
Value into maps) and refuses members that the operation does not have. `Made(physical_id, attributes, ref)`: what `Ref`
gives is the physical id, if `ref` says nothing else; what `Fn::GetAtt` gives are the attributes. An AwsError that a
call raises may be caught around its yield; one that is not makes the resource fail with its text. A delete may call
what is gone: errors that say so are success. `simple.py` builds a row's functions where operations and properties have
the same names.

What takes time in AWS time says so: `Made(waits_seconds=…)` waits for a signal (`resume`), `ready` is asked until it is
true, `Made(more=True)` has `update` go on in another commit. See `types.py` for every field.
"""

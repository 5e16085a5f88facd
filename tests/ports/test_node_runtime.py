"""Node.js functions: handlers, errors, logs and AWS time, run by the `node` of this machine."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import Any

import pytest

from emulator.ports import FunctionSpec, InvocationResult
from tests.ports.functions import ARN, REQUEST_ID, Bench, alive, error_of, invocation, texts, until
from tests.ports.programs import layer, packaged
from tests.ports.test_python_environments import needs_namespaces

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js (`node`) on the PATH")


def node(source: str, name: str = "index.js", files: dict[str, str] | None = None, **changes: Any) -> FunctionSpec:
    values = {"runtime": "nodejs20.x", "handler": "index.handler", **changes}
    return packaged({name: source, **(files or {})}, **values)


async def run(bench: Bench, source: str, event: Any = None, **changes: Any) -> InvocationResult:
    return await bench.drive(bench.runtime.run(node(source, **changes), invocation(event)))


def printed(result: InvocationResult) -> list[str]:
    """The log of the invocation between START and END."""
    lines = texts(result)
    first = next(i for i, line in enumerate(lines) if line.startswith("START"))
    return lines[first + 1 : next(i for i, line in enumerate(lines) if line.startswith("END"))]


# ── handlers and their results ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("index.js", "exports.handler = async (event) => ({ got: event });"),
        ("index.js", "exports.handler = (event, context, callback) => callback(null, { got: event });"),
        ("index.js", "exports.handler = (event) => Promise.resolve({ got: event });"),
        ("index.js", "exports.handler = (event, context) => context.succeed({ got: event });"),
        ("index.js", "exports.handler = (event, c) => { setImmediate(() => c.done(null, { got: event })); };"),
        ("index.cjs", "exports.handler = async (event) => ({ got: event });"),
        ("index.mjs", "export const handler = async (event) => ({ got: event });"),
        ("index.mjs", "const got = await Promise.resolve('got'); export const handler = async (e) => ({ [got]: e });"),
    ],
)  # fmt: skip
def test_every_form_of_handler_answers(on_processes: Any, name: str, source: str) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, source, {"a": "é"}, name=name)
        assert (result.payload, result.function_error) == ('{"got":{"a":"é"}}'.encode(), None)

    on_processes(test)


def test_package_json_makes_js_files_modules(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        files = {"package.json": '{"type": "module"}'}
        result = await run(bench, "export const handler = async () => import.meta.url.slice(0, 4);", files=files)
        assert result.payload == b'"file"'

    on_processes(test)


def test_handlers_are_found_in_folders_and_nested_exports(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "exports.routes = { get: { all: async () => 'nested' } };"
        result = await run(bench, source, name="src/app/index.js", handler="src/app/index.routes.get.all")
        assert result.payload == b'"nested"'

    on_processes(test)


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ("undefined", b"null"), ("null", b"null"), ("'Hello'", b'"Hello"'), ("[1, {a: undefined}]", b"[1,{}]"),
    ],
)  # fmt: skip
def test_the_result_is_json_and_nothing_is_null(on_processes: Any, value: str, payload: bytes) -> None:
    async def test(bench: Bench) -> None:
        assert (await run(bench, f"exports.handler = async () => ({value});")).payload == payload

    on_processes(test)


def test_globals_survive_between_invocations(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "let count = 0; exports.handler = async () => ++count;"
        assert [(await run(bench, source)).payload for _ in range(3)] == [b"1", b"2", b"3"]

    on_processes(test)


def test_the_context_is_awss(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            exports.handler = async (event, c) => [
                c.awsRequestId, c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB,
                c.logGroupName, c.callbackWaitsForEmptyEventLoop, c.getRemainingTimeInMillis(), c.clientContext,
                process.env._X_AMZN_TRACE_ID, process.env.AWS_EXECUTION_ENV];
        """
        work = bench.runtime.run(
            node(source), invocation(client_context='{"custom":{"a":1}}', trace_id="Root=1-2-3;Sampled=0")
        )
        result = await bench.drive(work)
        assert json.loads(result.payload) == [
            REQUEST_ID, "reports", "$LATEST", ARN, "128", "/aws/lambda/reports", True, 3000, {"custom": {"a": 1}},
            "Root=1-2-3;Sampled=0", "AWS_Lambda_nodejs20.x",
        ]  # fmt: skip

    on_processes(test)


def test_a_callback_waits_for_the_event_loop_unless_told_otherwise(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            let late = 0;
            exports.handler = (event, context, callback) => {
                context.callbackWaitsForEmptyEventLoop = event;
                setTimeout(() => { late += 1; }, 60000);
                callback(null, late);
            };
        """
        spec = node(source, timeout_seconds=900.0)
        begun = bench.clock.now()
        await bench.drive(bench.runtime.run(spec, invocation(True)))
        assert bench.clock.now() == begun + 60
        assert (await bench.drive(bench.runtime.run(spec, invocation(False)))).payload == b"1"
        assert bench.clock.now() == begun + 60

    on_processes(test)


def test_a_handler_that_leaves_nothing_to_wait_for_answers_null(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        assert (await run(bench, "exports.handler = () => {};")).payload == b"null"
        assert (await run(bench, "exports.handler = () => new Promise(() => {});")).payload == b"null"

    on_processes(test)


def test_node_24_takes_no_callbacks_and_names_promises_that_never_settle(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        modern = {"runtime": "nodejs24.x"}
        error = error_of(await run(bench, "exports.handler = (event, context, callback) => callback();", **modern))
        assert error["errorType"] == "Runtime.CallbackHandlerDeprecated"
        error = error_of(await run(bench, "exports.handler = () => new Promise(() => {});", **modern))
        assert error["errorType"] == "Runtime.NodeJsExit"

    on_processes(test)


def test_packages_of_layers_are_found(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        layers = [
            layer({"nodejs/node_modules/shared/index.js": "module.exports = 'of the layer';"}),
            layer({"nodejs/node20/node_modules/exact/index.js": "module.exports = 'of this version';"}),
        ]
        source = "exports.handler = async () => [require('shared'), require('exact')];"
        assert json.loads((await run(bench, source, layers=layers)).payload) == ["of the layer", "of this version"]

    on_processes(test)


@needs_namespaces
def test_a_packaged_function_is_at_var_task_and_its_layers_are_at_opt(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        layers = [layer({"nodejs/node_modules/shared/index.js": "module.exports = __filename;"})]
        source = "exports.handler = async () => [__filename, process.cwd(), require('shared')];"
        result = await run(bench, source, layers=layers)
        assert json.loads(result.payload) == [
            "/var/task/index.js", "/var/task", "/opt/nodejs/node_modules/shared/index.js",
        ]  # fmt: skip
        failed = error_of(await run(bench, "exports.handler = async () => { throw new Error('x'); };"))
        assert failed["trace"][1] == "    at exports.handler (/var/task/index.js:1:39)"

    on_processes(test)


@needs_namespaces
def test_packages_are_looked_for_where_aws_does(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "exports.handler = async () => [process.env.NODE_PATH, process.env.LC_CTYPE, process.env.PYTHONPATH];"
        path, *absent = json.loads((await run(bench, source)).payload)
        # [R:test_introspection_invoke]
        assert path == (
            "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"
        )
        assert absent == [None, None]

    on_processes(test)


@needs_namespaces
def test_code_and_layers_are_read_only(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "const fs = require('fs');\nexports.handler = async (paths) => paths.map((path) => {\n"
            "  try { fs.writeFileSync(path, 'x'); return 'written'; } catch (error) { return error.code; }\n});"
        )
        layers = [layer({"nodejs/node_modules/shared/index.js": ""})]
        paths = ["/var/task/index.js", "/opt/nodejs/node_modules/shared/index.js", "/opt/new"]
        result = await run(bench, source, paths, layers=layers)
        assert json.loads(result.payload) == ["EROFS"] * 3
        assert json.loads((await run(bench, source, ["/opt/new"])).payload) == ["EROFS"]

    on_processes(test)


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "source",
    [
        "exports.handler = async () => { throw new TypeError('no cash flow'); };",
        "exports.handler = () => { throw new TypeError('no cash flow'); };",
        "exports.handler = (event, context, callback) => callback(new TypeError('no cash flow'));",
        "exports.handler = (event, context) => context.fail(new TypeError('no cash flow'));",
    ],
)
def test_an_error_becomes_awss_payload_and_is_logged(on_processes: Any, source: str) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, source)
        error = error_of(result)
        assert list(error) == ["errorType", "errorMessage", "trace"]
        assert (error["errorType"], error["errorMessage"]) == ("TypeError", "no cash flow")
        assert error["trace"][0] == "TypeError: no cash flow"
        assert "index.js:1:" in error["trace"][1]
        (line,) = printed(result)
        stamp, request_id, level, title, detail = line.split("\t")
        assert (stamp, request_id, level, title) == ("2027-01-15T08:00:00.000Z", REQUEST_ID, "ERROR", "Invoke Error ")
        assert list(json.loads(detail)) == ["errorType", "errorMessage", "stack"]

    on_processes(test)


def test_what_is_thrown_need_not_be_an_error(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        error = error_of(await run(bench, "exports.handler = async () => { throw 'plain'; };"))
        assert error == {"errorType": "string", "errorMessage": "plain", "trace": []}
        source = "class Own extends Error { constructor(m) { super(m); this.name = 'Own'; this.code = 7; } }\n"
        result = await run(bench, source + "exports.handler = async () => { throw new Own('x'); };")
        assert error_of(result)["errorType"] == "Own"
        assert '"code":7' in printed(result)[0]

    on_processes(test)


@pytest.mark.parametrize(
    ("source", "changes", "error_type", "message"),
    [
        ("require('nope');", {}, "Runtime.ImportModuleError", "Error: Cannot find module 'nope'\nRequire stack:\n- "),
        ("", {"handler": "other.handler"}, "Runtime.ImportModuleError", "Error: Cannot find module 'other'"),
        ("exports.other = 1;", {}, "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        ("exports.handler = 1;", {}, "Runtime.HandlerNotFound", "index.handler is not a function"),
        ("function (", {}, "Runtime.UserCodeSyntaxError", "SyntaxError: Function statements require a function name"),
        ("", {"handler": "handler"}, "Runtime.MalformedHandlerName", "Bad handler"),
        ("throw new RangeError('at load');", {}, "RangeError", "at load"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_an_init_error(
    on_processes: Any, source: str, changes: dict[str, Any], error_type: str, message: str
) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, source, **changes)
        error = error_of(result)
        assert error["errorType"] == error_type
        assert error["errorMessage"].startswith(message)
        assert any("\tundefined\tERROR\tUncaught Exception \t{" in text for text in texts(result))

    on_processes(test)


def test_a_missing_aws_sdk_is_explained(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, "const { SQSClient } = require('@aws-sdk/client-sqs');")
        assert any("[emulator]" in text and "npm install" in text for text in texts(result))
        result = await run(bench, "import { SQSClient } from '@aws-sdk/client-sqs';", name="index.mjs")
        assert any("[emulator]" in text and "npm install" in text for text in texts(result))

    on_processes(test)


def test_an_uncaught_exception_fails_the_invocation_and_ends_the_process(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            let count = 0;
            exports.handler = (event) => {
                count += 1;
                if (event) setImmediate(() => { throw new Error('adrift'); });
                return new Promise((resolve) => setTimeout(resolve, 1000, count));
            };
        """
        spec = node(source)
        assert (await bench.drive(bench.runtime.run(spec, invocation(False)))).payload == b"1"
        result = await bench.drive(bench.runtime.run(spec, invocation(True)))
        assert (error_of(result)["errorType"], error_of(result)["errorMessage"]) == ("Error", "adrift")
        assert "ERROR\tUncaught Exception \t{" in printed(result)[0]
        assert (await bench.drive(bench.runtime.run(spec, invocation(False)))).payload == b"1"

    on_processes(test)


def test_an_unhandled_rejection_is_named(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            exports.handler = () => {
                Promise.reject(new Error('adrift'));
                return new Promise((resolve) => setTimeout(resolve, 1000));
            };
        """
        result = await run(bench, source)
        error = error_of(result)
        assert (error["errorType"], error["errorMessage"]) == ("Runtime.UnhandledPromiseRejection", "Error: adrift")
        detail = json.loads(printed(result)[0].split("\t")[4])
        assert list(detail) == ["errorType", "errorMessage", "reason", "promise", "stack"]
        assert detail["reason"]["errorMessage"] == "adrift"

    on_processes(test)


@pytest.mark.parametrize(("code", "reason"), [(0, " without providing a reason"), (7, " with error: exit status 7")])
def test_process_exit_is_told_as_aws_tells_it(on_processes: Any, code: int, reason: str) -> None:
    async def test(bench: Bench) -> None:
        error = error_of(await run(bench, f"exports.handler = async () => process.exit({code});"))
        message = f"RequestId: {REQUEST_ID} Error: Runtime exited{reason}"
        assert error == {"errorType": "Runtime.ExitError", "errorMessage": message}

    on_processes(test)


def test_a_result_that_cannot_be_json_is_an_error(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        error = error_of(await run(bench, "exports.handler = async () => { const a = {}; a.a = a; return a; };"))
        assert error["errorMessage"] == "Unable to stringify response body"

    on_processes(test)


def test_a_result_over_six_megabytes_is_refused_and_the_next_invocation_works(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "exports.handler = async (event) => 'x'.repeat(event);"
        spec = node(source)
        result = await bench.drive(bench.runtime.run(spec, invocation(6_291_556)))
        assert error_of(result)["errorType"] == "Function.ResponseSizeTooLarge"
        assert len((await bench.drive(bench.runtime.run(spec, invocation(6_291_554)))).payload) == 6_291_556

    on_processes(test)


def test_running_out_of_heap_aborts_the_function(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "exports.handler = async () => { const all = []; while (true) all.push(Array(1e5).fill({})); };"
        result = await run(bench, source, timeout_seconds=15.0)
        assert error_of(result)["errorMessage"].endswith("Runtime exited with error: signal: aborted")

    on_processes(test)


def test_what_a_handler_leaves_running_ends_with_its_environment(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            const { spawn } = require('child_process');
            exports.handler = async () => {
                const options = { detached: true, stdio: 'ignore' };
                const child = spawn('sleep', ['600'], options);
                child.unref();
                return child.pid;
            };
        """
        pids = [int((await run(bench, source)).payload) for _ in range(2)]
        assert all(alive(pid) for pid in pids)
        await bench.runtime.discard(ARN)
        await until(lambda: not any(alive(pid) for pid in pids))

    on_processes(test)


# ── logs ────────────────────────────────────────────────────────────────────────────────────────


def test_console_writes_awss_lines_one_event_a_record(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            console.log('at load');
            exports.handler = async () => {
                console.log('one\\ntwo', { a: 1 });
                console.error('bad');
                console.debug('%s and %d', 'text', 7);
                process.stdout.write('raw\\nlines\\n');
            };
        """
        result = await run(bench, source)
        prefix = f"2027-01-15T08:00:00.000Z\t{REQUEST_ID}\t"
        assert printed(result) == [
            prefix + "INFO\tone\ntwo { a: 1 }\n", prefix + "ERROR\tbad\n", prefix + "DEBUG\ttext and 7\n", "raw\n",
            "lines\n",
        ]  # fmt: skip
        assert "2027-01-15T08:00:00.000Z\tundefined\tINFO\tat load\n" in texts(result)

    on_processes(test)


def test_json_logs_have_levels_and_errors_as_fields(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            exports.handler = async () => {
                console.debug('hidden');
                console.info('plain');
                console.warn({ own: 1 });
                console.error('failed:', new Error('why'));
            };
        """
        result = await run(bench, source, log_format="JSON", application_log_level="INFO")
        records = [json.loads(text) for text in texts(result)]
        records = [record for record in records if "level" in record]
        assert [(record["level"], record["message"]) for record in records[:2]] == [
            ("INFO", "plain"), ("WARN", {"own": 1}),
        ]  # fmt: skip
        assert records[0]["requestId"] == REQUEST_ID
        assert (records[2]["errorType"], records[2]["errorMessage"]) == ("Error", "why")

    on_processes(test)


# ── AWS time ────────────────────────────────────────────────────────────────────────────────────


def test_a_timeout_takes_aws_time_and_no_host_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            exports.handler = async (event, context) => {
                const begun = Date.now(), tick = performance.now(), high = process.hrtime.bigint();
                await new Promise((resolve) => setTimeout(resolve, 45000));
                return [Date.now() - begun, Math.round(performance.now() - tick),
                    Number(process.hrtime.bigint() - high),
                    new Date().toISOString(), context.getRemainingTimeInMillis(), new Date() instanceof Date];
            };
        """
        result = await run(bench, source, timeout_seconds=900.0)
        assert json.loads(result.payload) == [
            45_000, 45_000, 45_000_000_000, "2027-01-15T08:00:45.000Z", 855_000, True,
        ]  # fmt: skip
        assert result.took_seconds == 45.0

    on_processes(test)


@pytest.mark.parametrize("fraction", [0.123456789, 0.5973952, 0.0000001, 0.9999999])
def test_a_timer_is_not_missed_by_a_rounding(on_processes: Any, fraction: float) -> None:
    async def test(bench: Bench) -> None:
        bench.clock.jump(1_800_000_000.0 + fraction)
        source = "exports.handler = () => new Promise((resolve) => setTimeout(resolve, 1234, 'woken'));"
        result = await run(bench, source)
        assert (result.payload, round(result.took_seconds, 6)) == (b'"woken"', 1.234)

    on_processes(test)


# The second answer comes late enough for a wrong word about time to be heard first: a slow host can only miss a fault.
@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_time_stands_still_while_a_request_is_answered(on_processes: Any, delay: float) -> None:
    async def test(bench: Bench) -> None:
        source = """
            exports.handler = async (url) => {
                const late = setTimeout(() => { throw new Error('before the answer'); }, 1000);
                const answer = await fetch(url).then((response) => response.text());
                clearTimeout(late);
                return answer;
            };
        """

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(delay)
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            url = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
            work = bench.runtime.run(node(source, timeout_seconds=60.0), invocation(url))
            result = await bench.drive(work)
        assert (result.payload, result.took_seconds) == (b'"hi"', 0.0)

    on_processes(test)


def test_timers_fire_in_the_order_of_aws_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            const { setTimeout: wait } = require('timers/promises');
            const { promisify } = require('util');
            exports.handler = async () => {
                const seen = [];
                const every = setInterval(() => seen.push('every'), 10000);
                setTimeout(() => seen.push('cleared'), 5000).unref();
                const gone = setTimeout(() => seen.push('never'), 6000);
                setTimeout(() => {
                    seen.push('first');
                    clearTimeout(gone);
                    Promise.resolve().then(() => seen.push('micro'));
                }, 2000);
                setTimeout(() => seen.push('second'), 2000);
                setImmediate(() => seen.push('immediate'));
                process.nextTick(() => seen.push('tick'));
                setTimeout(() => seen.push('zero'), 0);
                await wait(25000, 'x');
                await promisify(setTimeout)(1000);
                clearInterval(every);
                return seen;
            };
        """
        result = await run(bench, source, timeout_seconds=900.0)
        seen = json.loads(result.payload)
        assert seen[0] == "tick"
        assert {"immediate", "zero"} == set(seen[1:3])
        assert seen[3:] == ["first", "micro", "second", "cleared", "every", "every"]
        assert result.took_seconds == 26.0

    on_processes(test)


def test_es_modules_import_virtual_timers(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            import { setTimeout as wait, setInterval as every } from 'node:timers/promises';
            import { setTimeout as start } from 'timers';
            export const handler = async () => {
                await wait(1000);
                await new Promise((resolve) => start(resolve, 1000));
                let rounds = 0;
                for await (const value of every(1000, 'v')) if (++rounds === 3) break;
                try {
                    await wait(9000, null, { signal: AbortSignal.timeout(500) });
                } catch (error) { return error.name; }
            };
        """
        result = await run(bench, source, name="index.mjs", timeout_seconds=900.0)
        assert (result.payload, result.took_seconds) == (b'"AbortError"', 5.5)

    on_processes(test)


@pytest.mark.parametrize("milliseconds", [3000, 3500, 10**9])
def test_a_timer_that_reaches_the_timeout_ends_exactly_then(on_processes: Any, milliseconds: int) -> None:
    async def test(bench: Bench) -> None:
        source = f"exports.handler = () => new Promise((resolve) => setTimeout(resolve, {milliseconds}));"
        result = await run(bench, source)
        assert error_of(result)["errorType"] == "Sandbox.Timedout"
        assert (result.took_seconds, bench.clock.now()) == (3.0, 1_800_000_003.0)

    on_processes(test)


def test_an_endless_loop_is_ended_in_host_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, "exports.handler = () => { while (true); };", timeout_seconds=1.0)
        assert error_of(result)["errorType"] == "Sandbox.Timedout"

    on_processes(test)


def test_a_timer_left_behind_fires_in_a_later_invocation(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = """
            let fired = 0;
            exports.handler = async (event) => {
                if (event) setTimeout(() => { fired += 1; }, 5000);
                else await new Promise((resolve) => setTimeout(resolve, 10000));
                return fired;
            };
        """
        spec = node(source, timeout_seconds=60.0)
        assert (await bench.drive(bench.runtime.run(spec, invocation(True)))).payload == b"0"
        assert bench.clock.next_sleeper() is None
        assert (await bench.drive(bench.runtime.run(spec, invocation(False)))).payload == b"1"

    on_processes(test)


# ── streaming ───────────────────────────────────────────────────────────────────────────────────

STREAM = """
    exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
        const metadata = { statusCode: 201, headers: { 'X-Own': 'yes' } };
        stream = awslambda.HttpResponseStream.from(stream, metadata);
        stream.write('one');
        await new Promise((resolve) => setTimeout(resolve, 1000));
        stream.write('two');
        if (event.fail) throw new Error('midway');
        stream.end();
    });
"""
PRELUDE = b'{"statusCode":201,"headers":{"X-Own":"yes"}}' + bytes(8)


def test_a_streamed_response_is_passed_on_piece_by_piece(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        pieces: list[tuple[float, bytes]] = []
        work = invocation(on_chunk=lambda data: pieces.append((bench.clock.now() - 1_800_000_000, data)))
        result = await bench.drive(bench.runtime.run(node(STREAM), work))
        assert (result.payload, result.function_error) == (b"", None)
        assert pieces == [(0.0, PRELUDE), (0.0, b"one"), (1.0, b"two")]

    on_processes(test)


def test_a_streamed_response_is_collected_for_who_does_not_stream(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        assert (await run(bench, STREAM)).payload == PRELUDE + b"onetwo"

    on_processes(test)


def test_a_stream_that_fails_midway_is_a_function_error(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        pieces: list[bytes] = []
        work = invocation({"fail": True}, on_chunk=pieces.append)
        result = await bench.drive(bench.runtime.run(node(STREAM), work))
        assert error_of(result)["errorMessage"] == "midway"
        assert pieces == [PRELUDE, b"one", b"two"]

    on_processes(test)


# ── what is not there ───────────────────────────────────────────────────────────────────────────


def test_without_node_the_error_names_what_to_install(on_processes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    async def test(bench: Bench) -> None:
        error = error_of(await run(bench, "exports.handler = async () => 1;"))
        assert error["errorType"] == "Runtime.NotAvailable"
        assert "install Node.js" in error["errorMessage"]

    on_processes(test)


@pytest.mark.parametrize(
    ("runtime", "advice"), [("java21", "provided.al2023"), ("ruby3.3", "aws_lambda_ric"), ("go1.x", "aws-lambda-go")]
)
def test_a_runtime_that_is_not_run_names_the_way_out(on_processes: Any, runtime: str, advice: str) -> None:
    async def test(bench: Bench) -> None:
        error = error_of(await run(bench, "", runtime=runtime))
        assert error["errorType"] == "Runtime.NotAvailable"
        assert advice in error["errorMessage"]

    on_processes(test)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("index.mjs", "import { S3Client } from '@aws-sdk/client-s3'; export const handler = async () => 1;"),
        ("index.js", "exports.handler = async () => require('@aws-sdk/client-s3/dist');"),
    ],
)
def test_the_log_says_that_the_sdk_does_not_come_with_the_emulator(on_processes: Any, name: str, source: str) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, source, name=name, runtime="nodejs22.x")
        assert result.function_error == "Unhandled"
        assert any("[emulator]" in line and "npm install @aws-sdk/client-s3)" in line for line in texts(result))

    on_processes(test)


def test_another_missing_package_is_no_matter_of_the_emulator(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, "exports.handler = async () => require('left-pad');")
        assert not any("npm install" in line for line in texts(result))

    on_processes(test)

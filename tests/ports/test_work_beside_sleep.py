"""Handlers in frozen time that sleep and work at once: AWS time stands still while any of their threads works."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from emulator.adapters.runtime import own_writers, work
from emulator.settings import LiveSettings
from tests.ports.functions import Bench, function, invocation, runner
from tests.stuck import STUCK_SECONDS

SOURCE = """
import _thread, asyncio, http.server, os, queue, signal, socket, subprocess, sys, threading, time, urllib.request
from concurrent.futures import ThreadPoolExecutor, TimeoutError, as_completed
WORK = [sys.executable, "-S", "-c", "import time; time.sleep(0.15)"]
def slow_server():
    server = socket.create_server(("127.0.0.1", 0))
    def serve():
        connection, _ = server.accept()
        connection.recv(10)
        subprocess.run(WORK)
        connection.send(b"hello")
        connection.close()
        server.close()
    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]
async def read_answer(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answer.decode()
async def child():
    process = await asyncio.create_subprocess_exec(*WORK)
    return await asyncio.wait_for(process.wait(), 10)
async def side_by_side():
    await asyncio.gather(*[asyncio.to_thread(time.sleep, 10) for _ in range(4)])
async def in_a_thread():
    return (await asyncio.wait_for(asyncio.to_thread(subprocess.run, WORK), 10)).returncode
def pool(lengths):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(time.sleep, lengths))
def join():
    thread = threading.Thread(target=time.sleep, args=(10,))
    thread.start()
    time.sleep(5)
    thread.join()
def locked():
    lock, begun = threading.Lock(), threading.Event()
    def keep():
        with lock:
            begun.set()
            time.sleep(10)
    threading.Thread(target=keep).start()
    begun.wait()
    with lock:
        pass
def result():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(subprocess.run, WORK).result(timeout=10).returncode
def get():
    try:
        queue.Queue().get(timeout=45)
    except queue.Empty:
        return "empty"
def put_later():
    items = queue.Queue()
    def put():
        time.sleep(20)
        items.put("item")
    threading.Thread(target=put).start()
    return items.get(timeout=45)
def condition():
    condition = threading.Condition()
    with condition:
        return condition.wait_for(lambda: False, 30)
def joins():
    thread = threading.Thread(target=time.sleep, args=(20,))
    thread.start()
    alive = []
    for patience in (5, 100, 100):
        thread.join(timeout=patience)
        alive.append(thread.is_alive())
    return alive
def spin(turns):
    for _ in range(turns):
        pass
    return time.time()
def beside(start):
    begun, ends = time.time(), []
    start(lambda: ends.append(spin(200_000)))
    time.sleep(10)
    return ends[0] - begun
def with_thread(work):
    threading.Thread(target=work).start()
def raw_thread(work):
    _thread.start_new_thread(work, ())
def other_loop():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    answer = asyncio.run_coroutine_threadsafe(read_answer(slow_server()), loop).result(timeout=5)
    loop.call_soon_threadsafe(loop.stop)
    return answer
def stopped_loop():
    loop = asyncio.new_event_loop()
    loop.call_later(50, print)
    loop.stop()
    loop.run_forever()
    loop.close()
def interrupted():
    caught = []
    def strike(*_):
        if not caught:
            caught.append(1)
            raise InterruptedError
    def work():
        while not caught:
            spin(20_000)
            os.kill(os.getpid(), signal.SIGALRM)
    signal.signal(signal.SIGALRM, strike)
    try:
        threading.Thread(target=work).start()
        time.sleep(30)
    except InterruptedError:
        time.sleep(7)
def killed():
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    try:
        child.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
def forked():
    threading.Thread(target=threading.Event().wait, args=(20,), daemon=True).start()
    child = os.fork()
    if child == 0:
        time.sleep(0.01)
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
def completed():
    pool, found = ThreadPoolExecutor(2), []
    try:
        for future in as_completed([pool.submit(time.sleep, seconds) for seconds in (5, 15)], timeout=6):
            found.append(future.result())
    except TimeoutError:
        return found
    finally:
        pool.shutdown(wait=False)
def later(write):
    def work():
        time.sleep(5)
        write(b"hi")
    threading.Thread(target=work).start()
def pair():
    here, there = socket.socketpair()
    with here, there:
        later(there.sendall)
        return here.recv(9).decode()
def pipe():
    reader, writer = os.pipe()
    later(lambda data: os.write(writer, data))
    return os.read(reader, 9).decode()
def connection(patience, family=socket.AF_INET, host="127.0.0.1"):
    with socket.create_server((host, 0), family=family) as server:
        def serve():
            connection, _ = server.accept()
            with connection:
                time.sleep(5)
                connection.sendall(connection.recv(9))
        threading.Thread(target=serve).start()
        with socket.create_connection(("127.0.0.1", server.getsockname()[1]), patience) as client:
            client.sendall(b"hi")
            return client.recv(9).decode()
def web():
    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(5)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")
        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = urllib.request.urlopen("http://127.0.0.1:%d" % server.server_port, timeout=60).read().decode()
        server.shutdown()
    return found
def heard_from_a_child():
    reader, writer = os.pipe()
    child = subprocess.Popen([*WORK[:-1], WORK[-1] + f"; import os; os.write({writer}, b'x')"], pass_fds=[writer])
    begun, heard = time.time(), []
    thread = threading.Thread(target=lambda: heard.append((os.read(reader, 9).decode(), time.time() - begun)))
    thread.start()
    time.sleep(10)
    thread.join()
    return heard[0], child.wait()
def handler(event, context):
    begun = time.time()
    found = eval(event)
    return found, round(time.time() - begun, 3)
"""


WORK_UNDER_WAY = {
    "asyncio.run(in_a_thread())": [0, 0],
    "asyncio.run(child())": [0, 0],
    "asyncio.run(read_answer(slow_server()))": ["hello", 0],
}
WORK_OF_OTHERS = {
    "other_loop()": ["hello", 0],
    "result()": [0, 0],
    "beside(with_thread)": [0, 10],
    "beside(raw_thread)": [0, 10],
    "killed()": [-9, 0],
    "heard_from_a_child()": [[["x", 0], 0], 10],
}
SIDE_BY_SIDE = {
    "pool([10, 10, 10, 10])": [None, 10],
    "pool([10, 20, 30, 40])": [None, 40],
    "asyncio.run(side_by_side())": [None, 10],
    "join()": [None, 10],
    "locked()": [None, 10],
    "put_later()": ["item", 20],
    "joins()": [[True, False, False], 20],
}
BYTES_OF_THREADS = {
    "pair()": ["hi", 5],
    "pipe()": ["hi", 5],
    "connection(None)": ["hi", 5],
    "connection(60)": ["hi", 5],
    "connection(None, socket.AF_INET, '0.0.0.0')": ["hi", 5],
    "web()": ["ok", 5],
}
TIMEOUTS = {
    "get()": ["empty", 45],
    "completed()": [[None], 6],
    "threading.Event().wait(45)": [False, 45],
    "condition()": [False, 30],
    "threading.Semaphore(0).acquire(timeout=30)": [False, 30],
    "stopped_loop()": [None, 0],
    "interrupted()": [None, 7],
    "forked()": [7, 0],
}


@pytest.mark.parametrize(
    "expected",
    [WORK_UNDER_WAY, WORK_OF_OTHERS, SIDE_BY_SIDE, TIMEOUTS],
    ids=["loops", "work", "sleeps", "timeouts"],
)
def test_time_moves_when_every_thread_waits_for_it(on_processes: Any, expected: dict[str, Any]) -> None:
    async def test(bench: Bench) -> None:
        spec = function(SOURCE, timeout_seconds=60.0)
        results = {code: await bench.drive(bench.runtime.run(spec, invocation(code))) for code in expected}
        assert {code: json.loads(result.payload) for code, result in results.items()} == expected

    on_processes(test)


@pytest.mark.parametrize("code", ["in_a_thread()", "child()", "read_answer(slow_server())"])
def test_a_timeout_of_an_event_loop_waits_for_real_work_in_threads_too(
    tmp_path: Path, settings: LiveSettings, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "CONNECTION_GRACE_SECONDS", STUCK_SECONDS)  # however busy this machine is

    async def test(bench: Bench) -> None:
        result = await bench.run(SOURCE, f"asyncio.run({code})", timeout_seconds=60.0)
        assert json.loads(result.payload) in ([0, 0], ["hello", 0])

    runner("inline", tmp_path, settings)(test)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says for what a thread waits")
def test_a_thread_that_waits_for_bytes_of_another_thread_does_not_hold_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = function(SOURCE, timeout_seconds=60.0)
        results = {code: await bench.drive(bench.runtime.run(spec, invocation(code))) for code in BYTES_OF_THREADS}
        assert {code: json.loads(result.payload) for code, result in results.items()} == BYTES_OF_THREADS

    on_processes(test)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says for what a thread waits")
def test_bytes_are_of_a_thread_only_while_this_process_alone_can_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    children = [False]
    monkeypatch.setattr(own_writers, "_has_children", lambda: children[0])

    def here(reader: int) -> bool:
        return own_writers.writer_is_here(f"{own_writers.READS[0]} {hex(reader)} 0x0 0x0")

    reader, writer = os.pipe()
    assert here(reader)
    children[0] = True  # which may hold the other end
    assert not here(reader)
    children[0] = False
    os.close(writer)
    assert not here(reader)
    os.close(reader)
    assert not here(reader)

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert here(client.fileno())  # not accepted yet
        accepted, _ = server.accept()
        server.close()
        assert here(client.fileno())
        assert here(accepted.fileno())
        accepted.close()
        assert not here(client.fileno())


def test_only_the_main_thread_can_be_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the thread that reads ticks is still being started, a handler's thread is the only one that counts."""
    monkeypatch.setattr("_thread._count", lambda: 1)
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(work.alone()))
    thread.start()
    thread.join()
    assert found == [False]


def test_a_thread_that_starts_to_work_in_the_init_phase_holds_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import threading, time\nends = []\nbegun = time.time()\n"
            "def work():\n    for _ in range(200_000):\n        pass\n    ends.append(time.time() - begun)\n"
            "threading.Thread(target=work).start()\ntime.sleep(2)\n"
            "def handler(event, context):\n    return ends\n"
        )
        assert (await bench.run(source)).payload == b"[0.0]"

    on_processes(test)


def test_threads_of_a_frozen_environment_do_not_move_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import threading, time\nrounds = []\n"
            "def beat():\n    while True:\n        threading.Event().wait(5)\n        rounds.append(time.time())\n"
            "threading.Thread(target=beat, daemon=True).start()\n"
            "def handler(event, context):\n    time.sleep(12)\n    return len(rounds)\n"
        )
        result = await bench.run(source, timeout_seconds=60.0)
        assert json.loads(result.payload) == 2
        await bench.clock.quiet()
        assert bench.clock.sleepers() == []
        assert (await bench.run(source, timeout_seconds=60.0)).payload == b"4"

    on_processes(test)

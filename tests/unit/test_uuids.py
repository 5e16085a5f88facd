"""Random UUIDs."""

from __future__ import annotations

import os
import uuid

from emulator.uuids import new_uuid


def test_every_id_is_a_uuid_of_version_4_of_its_own() -> None:
    drawn = [new_uuid() for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert {(str(uuid.UUID(each)) == each, uuid.UUID(each).version) for each in drawn} == {(True, 4)}


def test_a_forked_process_draws_ids_of_its_own() -> None:
    new_uuid()  # some more are drawn ahead
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, new_uuid().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 36).decode() != new_uuid()
    os.close(reader)
    os.close(writer)

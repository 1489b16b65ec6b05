"""A spool on a disk that is full."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from doctr_serve.errors import StorageFullError
from doctr_serve.rpc.intake.messages import receive_upload
from doctr_serve.rpc.intake.spool import Spool
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from support.forms import body, content_of, file_part, reader, spool_memory
from support.open_files import open_files
from support.small_disk import small_disk

MIB = 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Where temporary files go: 1 MiB of room, and nothing left open there in the end."""
    with small_disk(tmp_path, MIB) as folder:
        yield folder
        assert open_files(folder) == []


def assert_says_what_to_do(error: StorageFullError, folder: Path) -> None:
    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "STORAGE_FULL")
    assert error.retry_after_s is not None
    assert "no room" in error.message
    assert str(folder) not in error.message


@pytest.mark.parametrize("piece_bytes", [1000, MIB])
def test_a_full_disk_refuses_the_upload_and_is_free_again_afterwards(disk: Path, piece_bytes: int) -> None:
    piece = ocr_pb2.OCRRequest(documents=[{"content": bytes(piece_bytes), "continued": True}])
    first = ocr_pb2.OCRRequest(documents=[{"content": b"%PDF-"}])
    with pytest.raises(StorageFullError) as caught, ExitStack() as stack:
        receive_upload(first, iter([piece] * (3 * MIB // piece_bytes)), Settings(), spool_memory(0), stack)
    assert_says_what_to_do(caught.value, disk)
    assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize == MIB


def test_a_full_disk_refuses_a_form(disk: Path) -> None:
    with reader(max_bytes=8 * MIB, spool_memory_bytes=0) as form, pytest.raises(StorageFullError) as caught:
        form.feed(body(file_part("a.pdf", bytes(3 * MIB))))
    assert_says_what_to_do(caught.value, disk)


def test_a_disk_that_becomes_full_with_the_last_bytes_refuses_them_too(disk: Path) -> None:
    spool = Spool(spool_memory(0))
    spool.write(b"on the disk")
    (disk / "other").write_bytes(bytes(MIB - os.statvfs(disk).f_bsize))
    spool.write(b"in the file's buffer " * 300)
    with pytest.raises(StorageFullError):
        spool.content()
    spool.close()
    (disk / "other").unlink()


def test_another_fault_of_the_disk_stays_a_fault_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise PermissionError(13, "denied")

    spool = Spool(spool_memory(0))
    monkeypatch.setattr(tempfile, "TemporaryFile", broken)
    with pytest.raises(PermissionError):
        spool.write(b"xy")


def test_what_has_no_room_in_the_memory_of_all_uploads_goes_to_a_file_and_gives_its_room_to_others() -> None:
    memory = spool_memory(document_bytes=100, all_bytes=150)
    first, second, third = Spool(memory), Spool(memory), Spool(memory)
    first.write(b"1" * 100)
    second.write(b"2" * 30)
    second.write(b"2" * 30)
    assert memory.budget.held_bytes == 100
    third.write(b"3" * 50)
    assert [isinstance(spool.content(), bytes) for spool in (first, second, third)] == [True, False, True]
    assert content_of(second.content()) == b"2" * 60
    for spool in (first, second, third):
        spool.close()
        spool.close()
    assert memory.budget.held_bytes == 0

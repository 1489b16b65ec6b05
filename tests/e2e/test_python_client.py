"""The Python clients and ``doctr-serve ocr`` against the real server; what they give is what the wire and REST give."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import grpc
import httpx
import numpy
import pytest
from doctr_serve.edge.config import EnvoyOptions
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from doctr_serve_client import (
    AsyncOCRClient,
    DeadlineExceededError,
    InvalidRequestError,
    OCRClient,
    PageError,
    QueueFullError,
    RequestTooLargeError,
    page_text,
    to_dict,
)
from support.live_server import live_server
from support.rest_server import run_envoy
from support.samples import encoded, letter_image, letter_pdf, letter_tiff
from support.tools import ROOT

TEXT = "The parcel will arrive on Monday"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    """Two pages."""
    path = tmp_path_factory.mktemp("documents") / "letter.pdf"
    path.write_bytes(letter_pdf(TEXT, pages=2).content)
    return path


@pytest.fixture(scope="module")
def expected(server_address, pdf):
    """The pages of ``pdf`` as the generated stub gives them."""
    with grpc.insecure_channel(server_address) as channel:
        stub = ocr_pb2_grpc.OCRServiceStub(channel)
        document = ocr_pb2.Document(name=pdf.name, content=pdf.read_bytes())
        return list(stub.StreamPages(ocr_pb2.OCRRequest(documents=[document], detect_language=True)))


@pytest.fixture
def client(server_address):
    with OCRClient(server_address, timeout_s=120) as client:
        yield client


def as_32_bit(value):
    """JSON with its numbers as 32-bit floats, which is what they are on the wire, however many digits are written."""
    if isinstance(value, dict):
        return {key: as_32_bit(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_32_bit(each) for each in value]
    return numpy.float32(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def run_ocr(server_address, *arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "doctr_serve", "ocr", "--server", server_address, *map(str, arguments)],
        capture_output=True,
        timeout=120,
        **settings,
    )


def test_both_clients_give_what_the_service_sends(client, server_address, pdf, expected):
    async def read_async():
        async with AsyncOCRClient(server_address) as async_client:
            await async_client.wait_until_ready(timeout_s=10)
            return [page async for page in async_client.stream_pages(pdf, detect_language=True)]

    client.wait_until_ready(timeout_s=10)

    assert [page.page_number for page in expected] == [1, 2]
    assert all(page_text(page) for page in expected)
    assert client.read(pdf, detect_language=True) == expected
    assert asyncio.run(read_async()) == expected


def test_a_page_as_a_dictionary_is_the_entry_of_the_rest_answer(server_address, pdf, expected):
    with run_envoy(EnvoyOptions(upstreams=(server_address,))) as url:
        answer = httpx.post(
            f"{url}/ocr",
            params={"detect_language": "true"},
            files={"files": (pdf.name, pdf.read_bytes())},
            timeout=120,
        )

    assert answer.status_code == 200, answer.text
    assert as_32_bit([to_dict(page) for page in expected]) == as_32_bit(answer.json())


def test_an_upload_in_pieces_reads_the_same_as_one_message(client):
    image = letter_image(TEXT)
    small = client.read(("page.png", encoded(image, "PNG")))
    content = encoded(image, "TIFF")
    assert len(content) > 4 * MIB

    large = client.read(("page.png", io.BytesIO(content)))

    assert large == small


def test_a_password_opens_an_encrypted_pdf(client):
    encrypted = ("secret.pdf", letter_pdf(TEXT, password="open sesame").content)

    with pytest.raises(InvalidRequestError, match=r"secret\.pdf") as caught:
        client.read(encrypted)
    assert caught.value.reason == "ENCRYPTED_DOCUMENT"
    assert caught.value.field_violations[0].field == "secret.pdf"
    assert caught.value.request_id

    assert page_text(client.read(encrypted, pdf_password="open sesame")[0])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"detection_model": "db_resnet51"}, "detection_model"),
        ({"binary_threshold": 1.5}, "binary_threshold"),
        ({"detection_batch_size": 0}, "detection_batch_size"),
        ({"pages": "three"}, "pages"),
    ],
)
def test_an_option_that_is_wrong_is_named(client, pdf, options, field):
    with pytest.raises(InvalidRequestError) as caught:
        client.read(pdf, **options)

    assert [violation.field for violation in caught.value.field_violations] == [field]


def test_a_page_that_cannot_be_read_does_not_lose_the_others(client):
    content = letter_tiff(TEXT, pages=2, compression="tiff_lzw").content
    cut = ("letter.tiff", content[: len(content) * 3 // 4])  # in the middle of the second page

    with pytest.raises(PageError, match=r"'letter\.tiff', page 2: .*damaged") as caught:
        client.read(cut)

    assert caught.value.reason == "UNREADABLE_DOCUMENT"
    assert [page.HasField("error") for page in caught.value.results] == [False, True]
    assert page_text(caught.value.results[0])
    assert client.read(cut, raise_page_errors=False) == caught.value.results


def test_a_deadline_holds(client, pdf):
    started = time.monotonic()

    with pytest.raises(DeadlineExceededError):
        client.read(pdf, timeout_s=0.05)

    assert time.monotonic() - started < 2


def test_the_models_that_ship_with_the_server_are_listed_as_available(client):
    answer = client.list_models()

    available = {model.name for model in answer.models if model.available}
    assert {answer.default_detection_model, answer.default_recognition_model} <= available


def test_a_file_can_be_held_against_the_limits_before_it_is_sent(busy_address):
    with OCRClient(busy_address) as client:
        limits = client.limits().limits
        content = os.urandom(limits.max_request_bytes + 1)

        assert limits.max_request_bytes == MIB
        with pytest.raises(RequestTooLargeError):
            client.read(("large.pdf", content))


def test_the_command_prints_the_array_of_the_rest_answer(server_address, pdf, expected, tmp_path):
    (tmp_path / "note.txt").write_text("no document")

    result = run_ocr(
        server_address, tmp_path / "note.txt", pdf, "--format", "json", "--detect-language", text=True
    )

    assert result.returncode == 1
    assert "note.txt: INVALID_ARGUMENT" in result.stderr
    assert json.loads(result.stdout) == [to_dict(page) for page in expected]


def test_the_command_reads_standard_input_and_prints_text(server_address, pdf, expected):
    result = run_ocr(server_address, "-", "--pages", "2", "--detect-language", input=pdf.read_bytes())

    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == f"==> stdin, page 2 of 2 <==\n{page_text(expected[1])}\n"


def test_the_command_ends_at_ctrl_c_and_the_server_goes_on(server_address, tmp_path, client):
    (tmp_path / "long.pdf").write_bytes(letter_pdf(TEXT, pages=40).content)
    command = [sys.executable, "-m", "doctr_serve", "ocr", "--server", server_address, "--format", "ndjson"]
    process = subprocess.Popen([*command, str(tmp_path / "long.pdf")], stdout=subprocess.PIPE, text=True)
    assert json.loads(process.stdout.readline())["page_number"] == 1

    process.send_signal(signal.SIGINT)

    assert process.wait(10) == 130
    process.stdout.close()
    assert page_text(client.read(("page.png", encoded(letter_image(TEXT), "PNG")))[0])


@pytest.fixture(scope="module")
def busy_address(tmp_path_factory):
    """A server with one place and a small limit."""
    flags = ("--max-concurrent-requests=1", "--max-queued-requests=0", f"--max-request-bytes={MIB}")
    with live_server(tmp_path_factory.mktemp("busy"), *flags) as address:
        yield address


def test_a_full_queue_is_waited_for(busy_address, pdf):
    with (
        OCRClient(busy_address, timeout_s=120, max_attempts=60) as client,
        OCRClient(busy_address, max_attempts=1) as hasty,
    ):
        first = client.stream_pages(("long.pdf", letter_pdf(TEXT, pages=6).content))
        next(first)
        with pytest.raises(QueueFullError) as caught:
            hasty.read(pdf)
        assert caught.value.retry_after_s > 0
        threading.Timer(0.5, first.close).start()

        assert len(client.read(pdf)) == 2


def test_a_request_that_is_too_large_is_refused_and_not_tried_again(busy_address):
    content = os.urandom(6 * MIB)

    for size_mib in (2, 6):  # in one message, and in pieces
        with (
            OCRClient(busy_address) as client,
            pytest.raises(RequestTooLargeError, match=str(MIB)) as caught,
        ):
            client.read(("large.pdf", content[: size_mib * MIB]))
        assert caught.value.reason == "REQUEST_TOO_LARGE"


def test_the_readmes_example_runs(server_address, tmp_path):
    readme = (ROOT / "clients" / "python" / "README.md").read_text()
    example = readme.partition("```python\n")[2].partition("```")[0]
    assert "OCRClient" in example

    (tmp_path / "letter.pdf").write_bytes((ROOT / "samples" / "letter.pdf").read_bytes())
    result = subprocess.run(
        [sys.executable, "-c", example.replace("localhost:50051", server_address)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert result.returncode == 0, result.stderr
    assert "letter.pdf 1/2" in result.stdout

"""What the clients send, and what they give back."""

from __future__ import annotations

import hashlib
import io
import os
import threading

import pytest
import trustme
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from doctr_serve_client import OCRError, ServerUnavailableError, page_text, to_dict
from support.fake_ocr_server import run_fake_server

MIB = 1024 * 1024


def words(results):
    return [page_text(result) for result in results]


def test_read_returns_every_page_in_the_order_of_documents_and_pages(client, server, letter, tmp_path):
    other = tmp_path / "other.png"
    other.write_bytes(b"png")
    server.service.pages = 2

    results = client.read([letter, str(other)])

    assert words(results) == ["letter.pdf-1", "letter.pdf-2", "other.png-1", "other.png-2"]
    assert all(isinstance(result, ocr_pb2.PageResult) for result in results)
    assert [document.content_type for document in server.service.calls[0].documents] == [
        "application/pdf",
        "image/png",
    ]


def test_only_the_options_that_were_given_are_sent(client, server, letter):
    client.read(letter)
    client.read(letter, detect_language=False, detection_batch_size=1, binary_threshold=0.25, pages="1-3")

    assert server.service.calls[0].options == {}
    assert server.service.calls[1].options == {
        "detect_language": False,
        "detection_batch_size": 1,
        "binary_threshold": 0.25,
        "pages": "1-3",
    }


def test_a_password_goes_with_every_document(client, server, letter, book):
    client.read([letter, book], pdf_password="secret")
    client.read(letter)

    assert [document.pdf_password for document in server.service.calls[0].documents] == ["secret", "secret"]
    assert [document.pdf_password for document in server.service.calls[1].documents] == [""]


def test_small_documents_travel_in_one_message_and_large_ones_in_pieces(client, server, letter, book):
    client.read([letter])
    list(client.stream_pages([letter]))
    client.read([letter, book], detect_language=True)
    list(client.stream_pages([book, letter], detect_language=True))

    methods = [call.method for call in server.service.calls]
    assert methods == ["ReadDocuments", "StreamPages", "UploadDocuments", "UploadDocuments"]
    for call in server.service.calls[2:]:
        assert call.options == {"detect_language": True}
        by_name = {document.name: document for document in call.documents}
        assert by_name["book.pdf"].sha256 == hashlib.sha256(book.read_bytes()).hexdigest()
        assert by_name["book.pdf"].messages == 7
        assert by_name["book.pdf"].largest_piece_bytes == MIB
        assert by_name["letter.pdf"].sha256 == hashlib.sha256(letter.read_bytes()).hexdigest()


def test_an_empty_file_in_an_upload_is_still_a_document(client, server, book, tmp_path):
    empty = tmp_path / "empty.pdf"
    empty.write_bytes(b"")

    client.read([empty, book, empty])

    sizes = [(document.name, document.size_bytes) for document in server.service.calls[0].documents]
    assert sizes == [("empty.pdf", 0), ("book.pdf", 6 * MIB + 4), ("empty.pdf", 0)]


def test_bytes_named_bytes_open_files_and_pipes_are_documents(client, server, letter):
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    with letter.open("rb") as file, os.fdopen(reading, "rb") as pipe:
        file.seek(5)
        client.read([b"bytes", ("named.png", b"more"), file, ("pipe.pdf", pipe), io.BytesIO(b"buffer")])

    received = server.service.calls[0].documents
    assert [(document.name, document.sha256) for document in received] == [
        (name, hashlib.sha256(content).hexdigest())
        for name, content in [
            ("", b"bytes"),
            ("named.png", b"more"),
            ("letter.pdf", b"small"),
            ("pipe.pdf", b"from a pipe"),
            ("", b"buffer"),
        ]
    ]


def test_a_pair_of_a_name_and_content_is_one_document_and_a_pair_of_paths_is_two(client, server, letter):
    client.read(("named.png", b"content"))
    client.read((str(letter), str(letter)))

    assert [len(call.documents) for call in server.service.calls] == [1, 2]


def test_a_file_name_that_is_no_utf8_is_sent_with_replacements(client, server, tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(path, "wb") as file:
        file.write(b"png")

    client.read(os.fsdecode(path))

    assert server.service.calls[0].documents[0].name == "caf?.png"


@pytest.mark.parametrize(
    ("documents", "error", "says"),
    [
        ([], ValueError, "at least one"),
        ("missing.pdf", FileNotFoundError, "missing.pdf"),
        (os.curdir, IsADirectoryError, "directory"),
        (7, TypeError, "int"),
        ([io.StringIO("text")], TypeError, "binary"),
    ],
)
def test_what_is_no_document_is_refused_before_any_call(client, server, documents, error, says):
    with pytest.raises(error, match=says):
        client.read(documents)
    with pytest.raises(error, match=says):
        list(client.stream_pages(documents))

    assert server.service.calls == []


def test_an_unknown_option_is_refused_with_the_name_that_was_meant(client, server, letter):
    with pytest.raises(TypeError, match=r"detect_languages.*did you mean 'detect_language'"):
        client.read(letter, detect_languages=True)
    with pytest.raises(TypeError, match="did you mean 'box_threshold'"):
        client.stream_pages(letter, box_thresh=0.1)

    assert server.service.calls == []


def test_pages_come_while_the_server_still_works_on_later_ones(client, server, letter):
    server.service.pages = 3
    server.service.page_permits = threading.Semaphore(1)
    pages = client.stream_pages(letter, timeout_s=20)

    for number in (1, 2, 3):
        # With the permit for this page only, a client that waited for more would run into its deadline.
        assert next(pages).page_number == number
        server.service.page_permits.release()
    assert list(pages) == []


@pytest.mark.parametrize("document", ["letter", "book"])
def test_leaving_the_loop_cancels_the_call(client, server, document, request):
    server.service.pages = 100
    server.service.page_permits = threading.Semaphore(1)
    pages = client.stream_pages(request.getfixturevalue(document))
    next(pages)
    call = server.service.calls[0]
    assert not call.ended.is_set()

    pages.close()

    assert call.ended.wait(5)


def test_an_answer_above_grpcs_default_limit_of_4_mib_arrives(client, server, letter):
    server.service.word = "x" * (3 * MIB)
    server.service.pages = 2

    assert [len(text) for text in words(client.read(letter))] == [3 * MIB, 3 * MIB]


def test_list_models_returns_the_models_and_the_default_pair(client):
    answer = client.list_models()

    assert [model.name for model in answer.models] == ["db_resnet50"]
    assert answer.default_recognition_model == "crnn_vgg16_bn"


def test_limits_returns_what_the_server_takes_as_rest_does(client, server):
    server.service.settings = Settings(max_request_bytes=7, allow_hub_models=True)

    answer = client.limits()

    assert (answer.limits.max_request_bytes, answer.allow_hub_models) == (7, True)
    assert to_dict(answer)["limits"]["max_request_bytes"] == "7"


def test_metadata_goes_with_every_call(connect, server, letter, book):
    client = connect(server.address, metadata=[("authorization", "Bearer token")])

    client.read(letter)
    list(client.stream_pages(book))
    client.list_models()

    assert [call.metadata.get("authorization") for call in server.service.calls] == ["Bearer token"] * 3


def test_wait_until_ready_returns_when_the_server_serves(client, server):
    server.set_serving(False)
    timer = threading.Timer(0.5, server.set_serving, [True])
    timer.start()

    client.wait_until_ready(timeout_s=10)

    assert not timer.is_alive()


def test_wait_until_ready_says_why_it_gave_up(connect, server):
    server.set_serving(False)
    with pytest.raises(ServerUnavailableError, match=r"not ready within 0.5 s: NOT_SERVING"):
        connect(server.address).wait_until_ready(timeout_s=0.5)
    with pytest.raises(ServerUnavailableError, match=r"localhost:1 was not ready within 0.5 s: UNAVAILABLE"):
        connect("localhost:1").wait_until_ready(timeout_s=0.5)


def test_wait_until_ready_does_not_wait_for_a_server_without_health_service(connect):
    with run_fake_server(with_health=False) as server, pytest.raises(OCRError, match="UNIMPLEMENTED"):
        connect(server.address).wait_until_ready(timeout_s=60)


def test_credentials_make_it_tls(connect, letter):
    import grpc

    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    trusted = grpc.ssl_channel_credentials(authority.cert_pem.bytes())

    with run_fake_server(credentials) as server:
        assert words(connect(server.address, credentials=trusted).read(letter)) == ["letter.pdf-1"]
        with pytest.raises(ServerUnavailableError):
            connect(server.address, max_attempts=1).read(letter)
        with pytest.raises(ServerUnavailableError):
            connect(server.address, max_attempts=1, credentials=grpc.ssl_channel_credentials()).read(letter)

"""What ``GetLimits`` tells is what the server keeps to."""

from __future__ import annotations

import mimetypes
from importlib.metadata import version
from pathlib import Path

import grpc
import pytest
from doctr_serve.decoder.formats import sniff_format
from doctr_serve.edge.config import EnvoyOptions
from doctr_serve.rpc.announced_limits import CONSTANTS, limits_of
from doctr_serve.settings import Settings
from doctr_serve.v1 import ocr_pb2
from doctr_serve_client.cli.directories import DOCUMENT_SUFFIXES
from PIL import Image
from support.pages import short_pdf, two_columns
from support.samples import encoded
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, failure_of, request, running, settings_for
from support.watched import Watched, watched_service

SERVERS_OWN = {"max_download_bytes", "max_loaded_models", "max_decoder_processes"}
"""Settings that bound what the server does by itself; no request can exceed them."""
KIB = 1024


def told(watched: Watched) -> ocr_pb2.GetLimitsResponse:
    return watched.service.stub.GetLimits(ocr_pb2.GetLimitsRequest(), timeout=30)


def test_every_setting_that_bounds_requests_is_told_under_its_own_name() -> None:
    names = set(ocr_pb2.Limits.DESCRIPTOR.fields_by_name)
    bounds = {name for name in Settings.model_fields if name.startswith(("max_", "min_upload"))}
    assert bounds - names == SERVERS_OWN
    assert names - set(Settings.model_fields) == {*CONSTANTS, "max_json_bytes"}


def test_limits_are_those_of_the_servers_settings(weights_dir: Path) -> None:
    changed = {
        "max_request_bytes": 5 * 2**30,
        "max_documents": 3,
        "max_page_aspect_ratio": 7.5,
        "request_timeout_s": 12.25,
        "min_upload_bytes_per_s": 0,
    }
    with running(settings_for(weights_dir, **changed, reflection=False), warm=False) as service:
        answer = service.stub.GetLimits(ocr_pb2.GetLimitsRequest(), timeout=30)
        settings = service.server.settings
    assert {name: getattr(answer.limits, name) for name in changed} == changed
    for name in set(ocr_pb2.Limits.DESCRIPTOR.fields_by_name) - set(CONSTANTS):
        assert getattr(answer.limits, name) == getattr(settings, name), name
    assert (answer.reflection, answer.allow_hub_models, answer.download_on_demand) == (False, False, False)


@pytest.mark.parametrize("max_message_bytes", [4 * 2**20, 2**16, 512])
def test_the_longest_json_is_what_envoy_lets_through(max_message_bytes: int) -> None:
    announced = limits_of(Settings(max_message_bytes=max_message_bytes)).limits
    options = EnvoyOptions(upstreams=("127.0.0.1:1",), max_message_bytes=max_message_bytes)
    assert announced.max_json_bytes == options.max_json_bytes


def test_versions_and_the_default_pair_are_told(watched: Watched) -> None:
    answer = told(watched)
    assert answer.server_version == version("doctr-serve")
    assert answer.doctr_version == version("python-doctr")
    assert (answer.default_detection_model, answer.default_recognition_model) == (
        DETECTION_MODEL,
        RECOGNITION_MODEL,
    )


def test_a_setting_beyond_what_its_field_holds_is_told_as_the_largest_number() -> None:
    limits = limits_of(Settings(max_documents=10**12, max_request_bytes=10**30)).limits
    assert limits.max_documents == 2**31 - 1
    assert limits.max_request_bytes == 2**63 - 1


def sent(limits: ocr_pb2.Limits, what: str, more: int) -> ocr_pb2.OCRRequest:
    """A request with ``more`` than it may have of something."""
    document = ocr_pb2.Document(name="page.pdf", content=short_pdf(1))
    match what:
        case "name":
            document.name = "x" * (limits.max_name_characters + more)
        case "password":
            document.pdf_password = "x" * (limits.max_pdf_password_bytes + more)
        case "pages":
            selection = "1".ljust(limits.max_pages_characters + more)
            return request(document, pages=selection)
        case "model":
            return request(document, detection_model="x" * (limits.max_model_name_characters + more))
        case "documents":
            return request(*[document] * (limits.max_documents + more))
        case "pages of documents":
            return request(short_pdf(limits.max_pages + more))
        case "bytes":
            content = document.content
            document.content = content + bytes(limits.max_request_bytes - len(content) + more)
        case "detection batch":
            return request(document, detection_batch_size=limits.max_detection_batch_size + more)
        case "recognition batch":
            return request(document, recognition_batch_size=limits.max_recognition_batch_size + more)
    return request(document)


@pytest.fixture(scope="module")
def narrow(weights_dir: Path):
    with watched_service(
        weights_dir, max_documents=2, max_pages=3, max_request_bytes=100 * KIB, max_detection_batch_size=5
    ) as watched:
        yield watched


@pytest.mark.parametrize(
    "what",
    [
        "name",
        "password",
        "pages",
        "model",
        "documents",
        "pages of documents",
        "bytes",
        "detection batch",
        "recognition batch",
    ],
)
def test_a_request_at_the_limit_that_is_told_is_taken_and_one_beyond_it_refused(
    narrow: Watched, what: str
) -> None:
    limits = told(narrow).limits
    with pytest.raises(grpc.RpcError) as beyond:
        narrow.service.stub.ReadDocuments(sent(limits, what, 1), timeout=60)
    assert beyond.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
    if what == "model":  # no model has so long a name
        assert "characters, more than" in beyond.value.details()
        with pytest.raises(grpc.RpcError) as at_limit:
            narrow.service.stub.ReadDocuments(sent(limits, what, 0), timeout=60)
        assert "is unknown" in failure_of(at_limit.value).message
    else:
        assert narrow.service.stub.ReadDocuments(sent(limits, what, 0), timeout=60).results


def test_the_formats_that_are_told_have_their_usual_types_and_the_clients_suffixes(watched: Watched) -> None:
    formats = told(watched).formats
    assert {extension for known in formats for extension in known.extensions} == DOCUMENT_SUFFIXES
    for known in formats:
        guesses = {mimetypes.guess_type(f"name{extension}")[0] for extension in known.extensions} - {None}
        assert guesses
        assert guesses <= set(known.media_types)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "WebP", "GIF", "BMP"])
def test_each_picture_format_that_is_told_is_read(watched: Watched, name: str) -> None:
    assert name in [known.name for known in told(watched).formats]
    content = encoded(Image.fromarray(two_columns()), name)
    assert sniff_format(content) == name.lower()
    (result,) = watched.service.stub.ReadDocuments(request(content), timeout=60).results
    assert result.dimensions

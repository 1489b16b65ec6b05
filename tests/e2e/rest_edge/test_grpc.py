"""gRPC and grpc-web through the same port."""

import struct
import threading

import grpc
import pytest
from doctr_serve.errors import QueueFullError
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from support.rest_edge import ENVOY_LIMIT_BYTES, MIB


def test_native_grpc_streams_pages_one_by_one(channel, service):
    service.pages = 2
    service.page_permits = threading.Semaphore(1)
    stub = ocr_pb2_grpc.OCRServiceStub(channel)
    call = stub.StreamPages(
        ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="a", content=b"x")]), timeout=30
    )
    assert next(call).page_number == 1
    service.page_permits.release()
    assert [page.page_number for page in call] == [2]


def test_native_grpc_uploads_in_pieces_of_any_total(channel, service):
    def pieces():
        yield ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="large", content=b"\0" * MIB)])
        for _ in range(39):
            yield ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(content=b"\0" * MIB, continued=True)])

    pages = list(ocr_pb2_grpc.OCRServiceStub(channel).UploadDocuments(pieces(), timeout=60))
    assert len(pages) == 1
    assert service.calls[-1].documents[0].size_bytes == 40 * MIB > ENVOY_LIMIT_BYTES


def test_native_grpc_errors_keep_their_details_and_trailers(channel, service):
    service.failures.append(QueueFullError("full", retry_after_s=2.5))
    with pytest.raises(grpc.RpcError) as refusal:
        ocr_pb2_grpc.OCRServiceStub(channel).ReadDocuments(ocr_pb2.OCRRequest(), timeout=30)
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refusal.value.details() == "full"
    trailers = dict(refusal.value.trailing_metadata())
    assert {"grpc-status-details-bin", "x-request-id", "x-error-reason"} <= set(trailers)


def test_a_native_deadline_is_kept(channel, service):
    service.page_permits = threading.Semaphore(0)
    request = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="a", content=b"x")])
    with pytest.raises(grpc.RpcError) as refusal:
        ocr_pb2_grpc.OCRServiceStub(channel).ReadDocuments(request, timeout=0.3)
    assert refusal.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.calls[-1].ended.wait(5)


def test_an_unknown_grpc_service_is_unimplemented(channel):
    with pytest.raises(grpc.RpcError) as refusal:
        channel.unary_unary("/nope.Nope/Nope")(b"", timeout=30)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def frame(message: bytes) -> bytes:
    return struct.pack("!BI", 0, len(message)) + message


def frames(body: bytes):
    """(flag, payload) of every grpc-web frame."""
    while body:
        flag, length = struct.unpack_from("!BI", body)
        yield flag, body[5 : 5 + length]
        body = body[5 + length :]


def test_grpc_web_streams_pages_and_ends_with_trailers(client, service):
    service.pages = 2
    request = ocr_pb2.OCRRequest(documents=[ocr_pb2.Document(name="a.png", content=b"x")])
    response = client.post(
        "/doctr_serve.v1.OCRService/StreamPages",
        content=frame(request.SerializeToString()),
        headers={"content-type": "application/grpc-web+proto", "x-grpc-web": "1"},
    )
    assert response.headers["content-type"] == "application/grpc-web+proto"
    *messages, (trailer_flag, trailers) = frames(response.content)
    pages = [ocr_pb2.PageResult.FromString(payload) for _, payload in messages]
    assert [page.page_number for page in pages] == [1, 2]
    assert trailer_flag == 0x80
    assert b"grpc-status:0" in trailers

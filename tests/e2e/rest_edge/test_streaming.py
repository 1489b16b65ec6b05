"""Entries arrive one by one; what happens when either side breaks off."""

import json
import threading

import httpx
import pytest
from doctr_serve.edge.config import EnvoyOptions
from doctr_serve.errors import InternalError
from support.rest_edge import MIB, PNG, post
from support.rest_server import run_envoy, run_form_server
from support.waiting import eventually


def test_the_first_entry_arrives_while_the_second_page_is_still_being_read(client, service):
    service.pages = 2
    service.page_permits = threading.Semaphore(1)
    with client.stream("POST", "/ocr", files={"files": PNG}) as response:
        pieces = response.iter_text()
        received = ""
        while not received.endswith("}"):
            received += next(pieces)
        (first,) = json.loads(received + "]")
        assert first["page_number"] == 1
        service.page_permits.release()
        received += "".join(pieces)
    assert [entry["page_number"] for entry in json.loads(received)] == [1, 2]


def test_a_client_that_leaves_cancels_the_call_on_the_server(client, service):
    service.pages = 2
    service.page_permits = threading.Semaphore(1)
    with client.stream("POST", "/ocr", files={"files": PNG}) as response:
        pieces = response.iter_raw()  # kept: httpx closes the connection with its iterator
        next(pieces)
        assert not service.calls[-1].ended.is_set()
    assert service.calls[-1].ended.wait(5)


def test_a_client_that_leaves_during_its_upload_cancels_the_call(client, service):
    def stall():
        yield b"--x\r\n"
        yield b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"x" * MIB
        eventually(lambda: service.calls, what="the call")
        raise httpx.WriteError("the client dies here")

    with pytest.raises(httpx.WriteError):
        client.post("/ocr", content=stall(), headers={"content-type": "multipart/form-data; boundary=x"})
    assert service.calls[-1].ended.wait(5)


def test_a_failure_after_the_first_entry_breaks_the_array_off(client, service):
    service.pages = 2
    service.fail_after_pages = InternalError("the disk is full")
    text = post(client).text
    (page,) = json.loads(text + "]")
    assert page["page_number"] == 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_a_server_that_dies_after_the_first_entry_breaks_the_answer_off():
    with run_form_server(max_request_bytes=MIB) as server:
        server.service.pages = 2
        server.service.page_permits = threading.Semaphore(1)
        with (
            run_envoy(EnvoyOptions(upstreams=(server.address,))) as url,
            httpx.stream("POST", f"{url}/ocr", files={"files": PNG}) as response,
        ):
            pieces = response.iter_raw()
            received = next(pieces)
            server.grpc_server.stop(grace=None).wait()
            with pytest.raises((httpx.RemoteProtocolError, json.JSONDecodeError)):
                json.loads(received + b"".join(pieces))

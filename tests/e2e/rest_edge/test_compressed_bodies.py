"""Bodies that a client compressed, which HTTP leaves to the server to take or to refuse."""

from __future__ import annotations

import gzip

import grpc
import httpx
import pytest
from support.rest_edge import assert_error

FORM = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n%PDF-1.7\r\n--x--\r\n'


@pytest.mark.parametrize("encoding", [{"content-encoding": "gzip"}, {}], ids=["named", "not named"])
def test_a_compressed_form_is_400_and_told_to_come_as_it_is(
    client: httpx.Client, encoding: dict[str, str]
) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", **encoding}
    response = client.post("/ocr", content=gzip.compress(FORM), headers=headers)
    assert "it is compressed; send it as it is, without a Content-Encoding" in assert_error(
        response, 400, grpc.StatusCode.INVALID_ARGUMENT
    )

"""multipart/form-data in, documents out: every chunking, every client's habits, hostile bodies."""

import contextlib
import os
from typing import BinaryIO

import pytest
from doctr_serve.errors import (
    InvalidRequestError,
    NoDocumentsError,
    RequestTooLargeError,
)
from doctr_serve.rpc.intake.forms import FormReader
from doctr_serve.rpc.intake.spool import Spool
from hypothesis import given, settings
from hypothesis import strategies as st
from support.open_files import open_files

BOUNDARY = "----formBoundary7MA4YWxkTrZu0gW"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
MIB = 1024 * 1024


def reader(content_type=CONTENT_TYPE, *, max_bytes=MIB, max_documents=8, spool_memory_bytes=MIB):
    return FormReader(
        content_type,
        max_bytes=max_bytes,
        max_documents=max_documents,
        spool_memory_bytes=spool_memory_bytes,
    )


def part(disposition: str | bytes, content: bytes, *headers: str) -> bytes:
    if isinstance(disposition, str):
        disposition = disposition.encode()
    lines = [b"--" + BOUNDARY.encode(), b"Content-Disposition: form-data; " + disposition]
    lines += [header.encode() for header in headers]
    return b"\r\n".join([*lines, b"", content]) + b"\r\n"


def file_part(name: str, content: bytes) -> bytes:
    return part(f'name="files"; filename="{name}"', content, "Content-Type: image/png")


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY.encode() + b"--\r\n"


def read(whole: bytes, **limits) -> list:
    """Documents of a body fed at once, as (name, bytes, password)."""
    with reader(**limits) as form:
        form.feed(whole)
        return [(d.name, content_of(d.content), d.pdf_password) for d in form.finish()]


def content_of(content: bytes | BinaryIO) -> bytes:
    if isinstance(content, bytes):
        return content
    content.seek(0)
    return content.read()


def test_documents_come_back_in_the_order_of_their_parts():
    documents = read(body(file_part("b.png", b"first"), file_part("a.pdf", b"second\r\n--not-the-boundary")))
    assert documents == [("b.png", b"first", ""), ("a.pdf", b"second\r\n--not-the-boundary", "")]


@pytest.mark.parametrize("password_first", [True, False])
def test_the_password_applies_to_every_document_wherever_it_stands(password_first):
    password = part('name="pdf_password"', 'pässword; with "quotes"'.encode())
    files = [file_part("a.pdf", b"a"), file_part("b.pdf", b"b")]
    documents = read(body(password, *files) if password_first else body(*files, password))
    assert [d[2] for d in documents] == ['pässword; with "quotes"'] * 2


def test_a_password_never_shows_in_a_document_s_repr():
    with reader() as form:
        form.feed(body(file_part("a.pdf", b"a"), part('name="pdf_password"', b"hunter2")))
        assert "hunter2" not in repr(form.finish())


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="files"; filename="invoice.pdf"', "invoice.pdf"),
        ("name=files; filename=invoice.pdf", "invoice.pdf"),
        ('filename="invoice.pdf"; name="files"', "invoice.pdf"),
        ('name="files"; filename="Rechnung März 日本.pdf"', "Rechnung März 日本.pdf"),
        ("name=\"files\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf", "Rechnung März.pdf"),
        ('name="files"; filename="x.pdf"; filename*=utf-8\'de\'M%C3%A4rz.pdf', "März.pdf"),
        ("name=\"files\"; filename*=iso-8859-1''M%E4rz.pdf", "März.pdf"),
        ('name="files"; filename*=koi8-r\'\'%C1.pdf; filename="plain.pdf"', "plain.pdf"),
        ('name="files"; filename="a; filename*=UTF-8\'\'b.pdf"', "a; filename*=UTF-8''b.pdf"),
        ('name="files"; filename="say \\"hi\\".pdf"', 'say "hi".pdf'),
        ('name="files"; filename="say %22hi%22.pdf"', 'say "hi".pdf'),
        ('name="files"; filename="../../etc/passwd"', "passwd"),
        ('name="files"; filename="C:\\\\scans\\\\page 1.png"', "page 1.png"),
        ("name=\"files\"; filename*=UTF-8''..%2F..%2Fx.png", "x.png"),
        ('name="files"; filename="Screenshot 9.41\u202fAM.png"', "Screenshot 9.41\u202fAM.png"),
        ('name="files"; filename="a\x1b[31m\tb.png"', "a\ufffd[31m\ufffdb.png"),
        (b'name="files"; filename="\xff\xfe.png"', "\ufffd\ufffd.png"),
    ],
)
def test_file_names_are_understood_as_clients_send_them(disposition, name):
    assert read(body(part(disposition, b"content"))) == [(name, b"content", "")]


@pytest.mark.parametrize(
    "content_type",
    [
        f'multipart/form-data; boundary="{BOUNDARY}"',
        f"Multipart/Form-Data; charset=utf-8; Boundary={BOUNDARY}",
        f"multipart/form-data;boundary={BOUNDARY}",
    ],
)
def test_content_types_are_understood_as_clients_write_them(content_type):
    assert read(body(file_part("a.png", b"x")), content_type=content_type) == [("a.png", b"x", "")]


@pytest.mark.parametrize(
    ("content_type", "said"),
    [
        ("", "received none"),
        ("application/json", "received 'application/json'"),
        ("multipart/mixed; boundary=x", "received 'multipart/mixed'"),
        ("multipart/form-data", "no usable boundary"),
        ("multipart/form-data; boundary=", "no usable boundary"),
        ('multipart/form-data; boundary="a\r\nb"', "no usable boundary"),
        ("multipart/form-data; boundary=" + "x" * 257, "no usable boundary"),
        ("multipart/form-data; boundary=é…", "no usable boundary"),
    ],
)
def test_another_content_type_is_refused_with_what_would_be_accepted(content_type, said):
    with pytest.raises(InvalidRequestError, match=r"curl -F files=@invoice\.pdf") as refusal:
        reader(content_type)
    assert said in refusal.value.message
    assert "multipart/form-data" in refusal.value.message


@pytest.mark.parametrize(
    ("whole", "said", "field"),
    [
        (body(part('name="file"; filename="a.png"', b"x")), "unknown form field 'file'", "file"),
        (body(part('name="box_threshold"', b"0.1")), "POST /ocr?box_threshold=", "box_threshold"),
        (body(part('name="files"', b"x")), "has no file name", "files"),
        (body(part('name="files"; filename=""', b"x")), "has no file name", "files"),
        (body(part('name="files"; filename="folder/"', b"x")), "has no file name", "files"),
        (body(part('filename="a.png"', b"x")), "Content-Disposition", "files"),
        (body(part('name="pdf_password"', b"a") * 2), "sent twice", "pdf_password"),
        (body(part('name="pdf_password"', b"x" * 1025)), "longer than 1024 bytes", "pdf_password"),
        (body(part('name="pdf_password"', b"hunter2\xff")), "not valid UTF-8", "pdf_password"),
        (
            body(part('name="files"; filename="a.png"', b"eA==", "Content-Transfer-Encoding: base64")),
            "Content-Transfer-Encoding",
            "files",
        ),
        (b"garbage", "not well-formed multipart/form-data (near byte 0)", "files"),
        (body(file_part("a.png", b"x")).replace(b"\r\n", b"\n"), "not well-formed", "files"),
        (file_part("a.png", b"x"), "cut off", "files"),
        (file_part("a.png", b"x")[:40], "cut off", "files"),
        (
            body(part('name="files"; filename="a.png"', b"x", *["X-Header: 1"] * 9)),
            "not well-formed",
            "files",
        ),
        (body(file_part("a" * 5000, b"x")), "not well-formed", "files"),
    ],
)
def test_a_wrong_body_is_refused_and_the_message_names_the_cause(whole, said, field):
    with pytest.raises(InvalidRequestError) as refusal:
        read(whole)
    assert said in refusal.value.message
    assert refusal.value.field == field
    assert "hunter2" not in refusal.value.message
    assert refusal.value.__cause__ is None or "hunter2" not in str(refusal.value.__cause__)


@pytest.mark.parametrize(
    "whole",
    [b"", body(), body(part('name="files"; filename=""', b"")), body(part('name="pdf_password"', b"x"))],
)
def test_a_form_without_a_document_says_how_to_send_one(whole):
    with pytest.raises(NoDocumentsError, match=r"curl -F files=@invoice\.pdf"):
        read(whole)


def test_an_empty_file_is_a_document_for_its_reader_to_refuse_by_name():
    assert read(body(file_part("empty.png", b""))) == [("empty.png", b"", "")]


def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_is_refused_as_it_arrives():
    whole = body(file_part("a.png", b"x" * 1000))
    assert read(whole, max_bytes=len(whole))
    with reader(max_bytes=len(whole) - 1) as form:
        form.feed(whole[:-1])
        with pytest.raises(RequestTooLargeError, match=f"larger than {len(whole) - 1} bytes"):
            form.feed(whole[-1:])


def test_one_document_too_many_is_refused_before_its_bytes_are_kept():
    with reader(max_documents=2) as form:
        form.feed(file_part("a.png", b"x") + file_part("b.png", b"x"))
        with pytest.raises(RequestTooLargeError, match="more than 2 documents"):
            form.feed(file_part("c.png", b"x" * 100)[:-50])


def test_a_large_document_goes_to_a_file_without_a_name_that_closes_on_exit(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    large = os.urandom(100_000)
    with reader(spool_memory_bytes=1000) as form:
        whole = body(file_part("large.png", large), file_part("small.png", b"x" * 1000))
        for start in range(0, len(whole), 700):
            form.feed(whole[start : start + 700])
        documents = form.finish()
        assert content_of(documents[0].content) == large
        assert documents[1].content == b"x" * 1000
        assert len(open_files(tmp_path)) == 1
        assert list(tmp_path.iterdir()) == [], "a file without a name outlives nobody"
    assert open_files(tmp_path) == []


def test_the_files_of_a_refused_form_are_closed_too(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with reader(spool_memory_bytes=0) as form:
        form.feed(file_part("a.png", b"x" * 1000))
        assert len(open_files(tmp_path)) == 1
        with pytest.raises(InvalidRequestError):
            form.feed(part('name="unknown"', b""))
    assert open_files(tmp_path) == []


def test_a_password_never_reaches_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with reader(spool_memory_bytes=0) as form, pytest.raises(InvalidRequestError):
        form.feed(body(part('name="pdf_password"', b"x" * 5000)))
    with reader(spool_memory_bytes=0) as form:
        form.feed(body(part('name="pdf_password"', b"x" * 1000)))
        assert open_files(tmp_path) == []


def test_a_spool_keeps_up_to_its_limit_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    at_limit, above = Spool(4), Spool(4)
    for spool, pieces in ((at_limit, [b"ab", b"cd"]), (above, [b"ab", b"cd", b"", b"e"])):
        for piece in pieces:
            spool.write(piece)
    assert at_limit.content() == b"abcd"
    assert content_of(above.content()) == b"abcde"
    assert len(open_files(tmp_path)) == 1
    assert (at_limit.size_bytes, above.size_bytes) == (4, 5)
    above.close()
    assert open_files(tmp_path) == []


# What a boundary parser gets wrong: pieces of the delimiter inside the content.
TRICKY = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"-", b"--", BOUNDARY.encode()[:-1], b"\r\n--" + BOUNDARY.encode()[:-3]]
    )
    | st.binary(max_size=40)
).map(b"".join)
CONTENT = TRICKY.filter(lambda content: b"--" + BOUNDARY.encode() not in content)
CUTS = st.lists(st.integers(1, 60), min_size=1)


def chunks(whole: bytes, cuts: list[int]):
    position = 0
    for index in range(len(whole)):
        if position >= len(whole):
            return
        cut = cuts[index % len(cuts)]
        yield whole[position : position + cut]
        position += cut


@settings(deadline=None, max_examples=300)
@given(contents=st.lists(CONTENT, min_size=1, max_size=3), cuts=CUTS, memory=st.sampled_from([0, 10, 10_000]))
def test_any_chunking_gives_the_documents_that_were_sent(contents, cuts, memory):
    whole = body(*(file_part(f"{n}.png", content) for n, content in enumerate(contents)))
    with reader(spool_memory_bytes=memory) as form:
        for chunk in chunks(whole, cuts):
            form.feed(chunk)
        received = [(d.name, content_of(d.content)) for d in form.finish()]
    assert received == [(f"{n}.png", content) for n, content in enumerate(contents)]


FRAGMENT = st.sampled_from(
    [
        b"--" + BOUNDARY.encode(),
        b"--" + BOUNDARY.encode() + b"\r\n",
        b"--" + BOUNDARY.encode() + b"--",
        b"\r\n",
        b"\r\n\r\n",
        b'Content-Disposition: form-data; name="files"; filename="a"',
        b"Content-Disposition: form-data; name=pdf_password\r\n\r\n",
        b"Content-Disposition: form-data; name*0=a; name*=b; filename*0*=x; filename*=utf-8''%",
        b"Content-Type: ",
        b":",
        b'"',
        b";",
    ]
) | st.binary(max_size=30)


@settings(deadline=None, max_examples=500)
@given(whole=st.lists(FRAGMENT, max_size=20).map(b"".join), cuts=CUTS)
def test_garbage_raises_nothing_but_our_own_errors(whole, cuts):
    expected = contextlib.suppress(InvalidRequestError, RequestTooLargeError)
    with expected, reader(spool_memory_bytes=10) as form:
        for chunk in chunks(whole, cuts):
            form.feed(chunk)
        form.finish()


@settings(deadline=None)
@given(content_type=st.text(max_size=80) | st.text(max_size=80).map("multipart/form-data; boundary=".__add__))
def test_any_content_type_is_accepted_or_refused_with_our_own_error(content_type):
    with contextlib.suppress(InvalidRequestError):
        reader(content_type)

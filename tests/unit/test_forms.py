"""multipart/form-data in, documents out: every client's habits, and what is no form."""

from __future__ import annotations

import gzip
import os
import zlib

import pytest
from doctr_serve.errors import (
    InvalidRequestError,
    NoDocumentsError,
)
from doctr_serve.rpc.intake.spool import Spool
from support.forms import BOUNDARY, body, content_of, file_part, part, read, reader, spool_memory
from support.open_files import open_files


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
        ('name="files"; filename*="UTF-8\'\'Rechnung%20M%C3%A4rz.pdf"', "Rechnung März.pdf"),
        ('name="files"; filename="x"; FILENAME* = utf-8\'\'M%C3%A4rz.pdf', "März.pdf"),
        ('name="files"; filename*0="annual report "; filename*1="2024.pdf"', "annual report 2024.pdf"),
        (
            "name=\"files\"; filename*1*=%20M%C3%A4rz; filename*2=.pdf; filename*0*=utf-8''Rechnung",
            "Rechnung März.pdf",
        ),
        ('name="files"; filename*1="part two.pdf"; filename="whole.pdf"', "whole.pdf"),
        ('name="files"; filename="' + "名" * 255 + '"', "名" * 255),
        ("name=\"files\"; filename*=UTF-8''" + "%F0%9F%93%84" * 255, "\U0001f4c4" * 255),
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
        (body(part('name="box_threshold"', b"0.1")), "query parameters: ?box_threshold=", "box_threshold"),
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
        (
            b"garbage",
            f"the boundary '{BOUNDARY}', which the Content-Type header names, is not in it",
            "files",
        ),
        (body(file_part("a.png", b"x")).replace(b"\r\n", b"\n"), "its lines end in LF", "files"),
        (
            body(file_part("a.png", b"x")).replace(b"\r\nContent", b"\nContent"),
            "its lines end in LF",
            "files",
        ),
        (
            part('name="files"; filename="a"', b"x").replace(b'"a"\r\n', b'"a"\n'),
            "its lines end in LF",
            "files",
        ),
        (
            body(file_part("a.png", b"x")).replace(BOUNDARY.encode(), b"another"),
            f"begin with the boundary 'another', but the Content-Type header names '{BOUNDARY}'",
            "files",
        ),
        (gzip.compress(body(file_part("a.png", b"x"))), "it is compressed; send it as it is", "files"),
        (zlib.compress(body(file_part("a.png", b"x"))), "it is compressed; send it as it is", "files"),
        (b"%PDF-1.7 ...", "it is the document itself; send it as a part of a form", "files"),
        (b'{"files": ["..."]}', "it looks like JSON", "files"),
        (b"\r\n" * 5000 + body(file_part("a.png", b"x"))[:0], "is not in it", "files"),
        (file_part("a.png", b"x"), "cut off", "files"),
        (file_part("a.png", b"x")[:40], "cut off", "files"),
        (
            body(part('name="files"; filename="a.png"', b"x", *["X-Header: 1"] * 9)),
            "not well-formed multipart/form-data (near byte 190): a part has more than 8 header lines",
            "files",
        ),
        (body(part('name="files"; filename="a.png"', b"x", "no colon")), "no 'Name: value'", "files"),
        (
            body(part('name="files"; filename="a.png"', b"x", *["X: " + "y" * 4000] * 3)),
            "8192 bytes",
            "files",
        ),
        (body(file_part("a" * 9000, b"x")), "a file name may have 255 characters", "files"),
        (
            body(file_part("a.png", b"x"), file_part("b" * 256, b"x")),
            "the name of document 2, 'bbbbbb",
            "files",
        ),
        (body(file_part("a" * 5000, b"x")), "has 5000 characters, more than 255", "files"),
    ],
)
def test_a_wrong_body_is_refused_and_the_message_names_the_cause(whole, said, field):
    with pytest.raises(InvalidRequestError) as refusal:
        read(whole)
    assert said in refusal.value.message
    assert refusal.value.field == field
    assert "hunter2" not in refusal.value.message
    assert refusal.value.__cause__ is None or "hunter2" not in str(refusal.value.__cause__)


@pytest.mark.parametrize("preamble", [b"", b"a line\r\n"])
def test_a_body_that_breaks_off_anywhere_is_told_to_be_cut_off(preamble):
    whole = preamble + body(file_part("a.png", b"x"))
    for end in range(len(preamble) + 1, len(whole) - len("--\r\n")):
        with pytest.raises(InvalidRequestError, match="cut off"):
            read(whole[:end])


@pytest.mark.parametrize(
    "whole",
    [b"", body(), body(part('name="files"; filename=""', b"")), body(part('name="pdf_password"', b"x"))],
)
def test_a_form_without_a_document_says_how_to_send_one(whole):
    with pytest.raises(NoDocumentsError, match=r"curl -F files=@invoice\.pdf"):
        read(whole)


@pytest.mark.parametrize(
    ("sent", "password"),
    [
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b"secret\n\n", "secret\n"),
        (b"secret\r", "secret\r"),
        (b" secret ", " secret "),
        (b"\n", ""),
    ],
)
def test_a_password_sent_from_a_file_may_end_with_the_file_s_line(sent, password):
    assert read(body(file_part("a.pdf", b"x"), part('name="pdf_password"', sent))) == [
        ("a.pdf", b"x", password)
    ]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 10_000])
@pytest.mark.parametrize(
    "preamble",
    [
        b"\r\n",
        b"This is a multi-part message in MIME format.\r\n",
        b"a line\r\n--\r\n--no" + BOUNDARY.encode() + b"\r\n",
        b"in the middle of a line --" + BOUNDARY.encode() + b"\r\n",
        b"longer than it --" + BOUNDARY.encode() + b"\r\n--" + BOUNDARY.encode() + b"er\r\n",
    ],
)
def test_what_stands_before_the_first_boundary_is_left_out(preamble, chunk_bytes):
    whole = preamble + body(file_part("a.png", b"x"))
    with reader() as form:
        for start in range(0, len(whole), chunk_bytes):
            form.feed(whole[start : start + chunk_bytes])
        assert [(d.name, d.content) for d in form.finish()] == [("a.png", b"x")]


def test_spaces_after_a_boundary_are_left_out():
    whole = body(file_part("a.png", b"x"), file_part("b.png", b"y"))
    padded = whole.replace(BOUNDARY.encode() + b"\r\n", BOUNDARY.encode() + b" \t\r\n")
    assert read(padded) == read(whole)


def test_an_empty_file_is_a_document_for_its_reader_to_refuse_by_name():
    assert read(body(file_part("empty.png", b""))) == [("empty.png", b"", "")]


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
    at_limit, above = Spool(spool_memory(4)), Spool(spool_memory(4))
    for spool, pieces in ((at_limit, [b"ab", b"cd"]), (above, [b"ab", b"cd", b"", b"e"])):
        for piece in pieces:
            spool.write(piece)
    assert at_limit.content() == b"abcd"
    assert content_of(above.content()) == b"abcde"
    assert len(open_files(tmp_path)) == 1
    assert (at_limit.size_bytes, above.size_bytes) == (4, 5)
    above.close()
    assert open_files(tmp_path) == []

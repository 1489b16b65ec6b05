"""Passwords, certificates, addresses and options: what ``doctr-serve ocr`` refuses before it reads anything."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "content",
    [
        b"p\xc3\xa4ss word ",
        b"p\xc3\xa4ss word \n",
        b"p\xc3\xa4ss word \r\n",
        b"\xef\xbb\xbfp\xc3\xa4ss word \r\nsecond line\r\n",
    ],
    ids=["bare", "newline", "CR LF", "byte order mark and a second line"],
)
def test_a_password_file_is_its_first_line_whatever_editor_wrote_it(ocr, server, letter, tmp_path, content):
    (tmp_path / "password").write_bytes(content)

    assert ocr(letter, "--password-file", tmp_path / "password").exit_code == 0
    assert server.service.calls[0].documents[0].pdf_password == "päss word "


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"p\xe4ss", "the password is no UTF-8; save the file as UTF-8"),
        ("pass\r\n".encode("utf-16"), "the password is no UTF-8; save the file as UTF-8"),
        (b"", "its first line, the password, is empty"),
        (b"\nsecond", "its first line, the password, is empty"),
    ],
)
def test_a_password_file_that_holds_none_is_wrong_usage(ocr, server, letter, tmp_path, content, says):
    (tmp_path / "password").write_bytes(content)

    result = ocr(letter, "--password-file", tmp_path / "password")

    assert result.exit_code == 2
    assert result.stderr == f"doctr-serve ocr: {tmp_path}/password: {says}\n"
    assert server.service.calls == []


def test_a_password_in_the_environment_that_is_no_utf8_is_wrong_usage(ocr, server, letter):
    result = ocr(letter, env={"DOCTR_SERVE_PDF_PASSWORD": "p\udce4ss"})

    assert result.exit_code == 2
    assert result.stderr == "doctr-serve ocr: DOCTR_SERVE_PDF_PASSWORD: the password is no UTF-8\n"
    assert server.service.calls == []


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x30\x82\x01\x0a"])
def test_a_file_without_a_certificate_is_wrong_usage(ocr, server, letter, tmp_path, content):
    (tmp_path / "ca.pem").write_bytes(content)

    result = ocr(letter, "--ca-file", tmp_path / "ca.pem")

    assert result.exit_code == 2
    assert result.stderr == f"doctr-serve ocr: {tmp_path}/ca.pem: has no certificate in PEM form in it\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--server", "http://localhost:50051"], "without a scheme: 'localhost:50051'"),
        (["--detection-batch-size", "99999999999"], "'detection_batch_size': 99999999999 is out of range"),
        (["--timeout-s", "nan"], "timeout"),
    ],
)
def test_what_no_file_could_be_read_with_is_said_once(ocr, server, folder, arguments, says):
    result = ocr(folder / "a.pdf", folder / "b.png", *arguments)

    assert result.exit_code == 2
    assert result.stderr.count(says) == 1
    assert server.service.calls == []


def test_a_timeout_without_end_lets_a_file_take_its_time(ocr, letter):
    assert ocr(letter, "--timeout-s", "inf").stdout == "letter.pdf-1\n"


def test_a_file_that_cannot_be_opened_is_said_with_its_name_once(ocr, tmp_path, monkeypatch):
    # A directory in place of a file, between the look and the call: root may read everything else.
    (tmp_path / "a.pdf").mkdir()
    monkeypatch.setattr("os.path.isdir", lambda path: False)

    result = ocr(tmp_path / "a.pdf")

    assert result.exit_code == 1
    assert result.stderr == f"doctr-serve ocr: {tmp_path}/a.pdf: Is a directory\n"


def test_the_output_is_never_one_of_the_inputs(ocr, server, letter, tmp_path):
    (tmp_path / "link.pdf").symlink_to(letter)

    for output in (letter, tmp_path / "link.pdf"):
        result = ocr(letter, "--output", output)
        assert result.exit_code == 1
        assert result.stderr == (
            f"doctr-serve ocr: cannot write the output: {output} is one of the files to read\n"
        )
    assert letter.read_bytes() == b"%PDF small"
    assert server.service.calls == []

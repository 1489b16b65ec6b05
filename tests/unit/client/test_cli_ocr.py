"""``doctr-serve ocr``, run in this process."""

from __future__ import annotations

import json

import grpc
import pytest
import trustme
from doctr_serve import errors as server_errors
from doctr_serve_client import OCRClient, to_dict
from doctr_serve_client.options import OPTIONS
from support.fake_ocr_server import run_fake_server

OTHER_THAN_THE_DEFAULT = {str: "text", int: 7, float: 0.625, list[str]: "text"}


def names(result):
    return [entry["name"] for entry in json.loads(result.stdout)]


def test_the_text_of_one_page_stands_alone(ocr, letter):
    result = ocr(letter)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "letter.pdf-1\n", "")


def test_the_text_of_several_pages_is_headed_by_file_and_page(ocr, server, letter):
    server.service.pages = 2

    assert ocr(letter).stdout == (
        "==> letter.pdf, page 1 of 2 <==\nletter.pdf-1\n\n==> letter.pdf, page 2 of 2 <==\nletter.pdf-2\n"
    )


@pytest.mark.parametrize(
    ("output_format", "expected"),
    [("text", ["a.pdf", "b.png"]), ("json", ["a.pdf", "b.png"]), ("ndjson", ["b.png", "a.pdf"])],
)
def test_files_come_in_their_order_and_as_lines_as_soon_as_they_are_read(
    ocr, server, folder, output_format, expected
):
    server.service.delays_s["a.pdf"] = 0.5

    result = ocr(folder / "a.pdf", folder / "b.png", "--format", output_format)

    assert result.exit_code == 0
    assert sorted(expected, key=result.stdout.index) == expected


def test_json_is_the_array_of_the_rest_answer(ocr, server, letter):
    server.service.pages = 2

    result = ocr(letter, "--format", "json")

    with OCRClient(server.address) as client:
        assert json.loads(result.stdout) == [to_dict(page) for page in client.read(letter)]


def test_ndjson_is_an_entry_per_line(ocr, server, letter):
    server.service.pages = 3
    server.service.word = "zwei\nZeilen, é"

    lines = ocr(letter, "--format", "ndjson").stdout.splitlines()

    assert [json.loads(line)["page_number"] for line in lines] == [1, 2, 3]
    assert "é" in lines[0]


@pytest.mark.parametrize("output_format", ["text", "json", "ndjson"])
def test_a_file_that_fails_is_reported_and_the_others_are_still_read(ocr, folder, output_format):
    (folder / "bad.docx").write_bytes(b"PK")
    files = [folder / name for name in ("bad.docx", "a.pdf", "missing.pdf", "b.png")]

    result = ocr(*files, "--format", output_format)

    assert result.exit_code == 1
    assert "a.pdf-1" in result.stdout
    assert "b.png-1" in result.stdout
    assert f"{folder}/bad.docx: INVALID_ARGUMENT: 'bad.docx': is no JPEG, PNG or PDF" in result.stderr
    assert f"{folder}/missing.pdf: no such file" in result.stderr
    if output_format == "json":
        assert names(result) == ["a.pdf", "b.png"]


def test_a_page_that_fails_is_reported_and_stays_an_entry(ocr, server, letter):
    server.service.pages = 2
    server.service.bad_pages[1] = server_errors.UnreadableDocumentError("x", "is damaged", page_number=1)

    as_text, as_json = ocr(letter), ocr(letter, "--format", "json")

    assert (as_text.exit_code, as_json.exit_code) == (1, 1)
    assert "letter.pdf, page 1: 'x', page 1: is damaged" in as_text.stderr
    assert as_text.stdout == "==> letter.pdf, page 2 of 2 <==\nletter.pdf-2\n"
    assert ["error" in entry for entry in json.loads(as_json.stdout)] == [True, False]


def test_no_file_at_all_is_an_empty_array_and_a_failure(ocr, server, tmp_path):
    result = ocr(tmp_path / "missing.pdf", "--format", "json")

    assert (result.exit_code, json.loads(result.stdout)) == (1, [])
    assert server.service.calls == []


def test_patterns_are_expanded_here_too(ocr, folder):
    assert names(ocr(folder / "*.p*", "--format", "json")) == ["a.pdf", "b.png"]
    assert names(ocr(folder / "**" / "*.jpeg", "--format", "json")) == ["c.jpeg"]

    nothing = ocr(folder / "*.tiff")
    assert nothing.exit_code == 1
    assert "no file matches this pattern" in nothing.stderr


def test_a_name_that_exists_is_no_pattern(ocr, folder):
    (folder / "scan[1].pdf").write_bytes(b"content")

    assert names(ocr(folder / "scan[1].pdf", "--format", "json")) == ["scan[1].pdf"]


def test_a_directory_is_read_only_when_asked_for(ocr, folder, tmp_path):
    refused = ocr(folder)
    assert refused.exit_code == 1
    assert "--recursive" in refused.stderr

    assert names(ocr(folder, "--recursive", "--format", "json")) == ["a.pdf", "b.png", "c.jpeg"]

    (tmp_path / "empty").mkdir()
    assert "has no documents" in ocr(tmp_path / "empty", "-r").stderr


def test_a_dash_reads_standard_input(ocr, server, letter):
    result = ocr("-", letter, input=b"%PDF from a pipe")

    assert result.exit_code == 0
    sizes = {call.documents[0].name: call.documents[0].size_bytes for call in server.service.calls}
    assert sizes == {"stdin": len(b"%PDF from a pipe"), "letter.pdf": len(b"%PDF small")}


def test_standard_input_is_read_only_once(ocr, server):
    result = ocr("-", "-", input=b"%PDF")

    assert result.exit_code == 1
    assert "only once" in result.stderr
    assert len(server.service.calls) == 1


@pytest.mark.parametrize("name", [name for name, (kind, _) in OPTIONS.items() if kind is not bool])
def test_every_option_with_a_value_is_a_flag(ocr, server, letter, name):
    value = OTHER_THAN_THE_DEFAULT[OPTIONS[name][0]]

    result = ocr(letter, f"--{name.replace('_', '-')}", value)

    assert result.exit_code == 0, result.output
    expected = [value] if OPTIONS[name][0] == list[str] else value
    assert server.service.calls[0].options == {name: expected}


@pytest.mark.parametrize("name", [name for name, (kind, _) in OPTIONS.items() if kind is bool])
def test_every_switch_is_a_flag_for_both_of_its_states(ocr, server, letter, name):
    flag = name.replace("_", "-")

    ocr(letter, f"--{flag}")
    ocr(letter, f"--no-{flag}")
    ocr(letter)

    assert [call.options for call in server.service.calls] == [{name: True}, {name: False}, {}]


def test_the_password_is_asked_for_or_read_from_a_file_or_the_environment(ocr, server, letter, tmp_path):
    (tmp_path / "password").write_text("from the file\n")

    asked = ocr(letter, "--password", input="typed\n")
    ocr(letter, "--password-file", tmp_path / "password")
    ocr(letter, env={"DOCTR_SERVE_PDF_PASSWORD": "from the environment"})
    ocr(letter)

    passwords = [call.documents[0].pdf_password for call in server.service.calls]
    assert passwords == ["typed", "from the file", "from the environment", ""]
    assert "typed" not in asked.output


def test_the_output_goes_to_a_file(ocr, letter, tmp_path):
    result = ocr(letter, "--output", tmp_path / "out.txt")

    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "out.txt").read_text() == "letter.pdf-1\n"


def test_an_output_that_cannot_be_written_is_said_before_anything_is_read(ocr, server, letter, tmp_path):
    result = ocr(letter, "--output", tmp_path / "missing" / "out.txt")

    assert result.exit_code == 1
    assert "cannot write the output" in result.stderr
    assert server.service.calls == []


def test_a_disk_that_fills_up_is_the_outputs_error_and_not_the_files(ocr, letter):
    result = ocr(letter, "--output", "/dev/full")

    assert result.exit_code == 1
    assert "cannot write the output: [Errno 28] No space left on device" in result.stderr
    assert "letter.pdf:" not in result.stderr


def test_as_many_files_as_allowed_are_read_at_the_same_time(ocr, server, folder):
    for number in range(6):
        (folder / f"{number}.pdf").write_bytes(b"content")
        server.service.delays_s[f"{number}.pdf"] = 0.1

    ocr(folder / "?.pdf", "--files-at-once", 3)

    assert server.service.most_at_once == 3


def test_a_file_that_takes_too_long_fails_alone(ocr, server, folder):
    server.service.delays_s["a.pdf"] = 5

    result = ocr(folder / "a.pdf", folder / "b.png", "--timeout-s", 0.5, "--format", "json")

    assert (result.exit_code, names(result)) == (1, ["b.png"])
    assert "a.pdf: DEADLINE_EXCEEDED" in result.stderr


def test_certificates_make_it_tls(ocr, letter, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("localhost")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])

    with run_fake_server(credentials) as server:
        result = ocr(letter, "--server", server.address, "--ca-file", tmp_path / "ca.pem")

    assert (result.exit_code, result.stdout) == (0, "letter.pdf-1\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--detect-languages"], "No such option"),
        (["--format", "xml"], "xml"),
        (["--timeout-s", "0"], "timeout-s"),
        (["--password-file", "missing"], "missing"),
    ],
)
def test_wrong_usage_has_a_status_of_its_own(ocr, server, letter, arguments, says):
    result = ocr(letter, *arguments)

    assert result.exit_code == 2
    assert says in result.stderr
    assert server.service.calls == []

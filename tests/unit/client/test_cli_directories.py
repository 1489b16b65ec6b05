"""``doctr-serve ocr --recursive``: what is read of a directory, and what is said about the rest."""

from __future__ import annotations

import json
import os

import pytest


@pytest.fixture
def names(ocr):
    """Runs the command with -r; the names it read, and what it said."""

    def run(*arguments):
        result = ocr(*arguments, "-r", "--format", "json")
        return [entry["name"] for entry in json.loads(result.stdout)], result

    return run


def fill(directory, *names):
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(b"content")


def test_files_that_are_no_documents_by_name_are_counted_and_said_once(names, tmp_path):
    fill(tmp_path / "one", "a.pdf", "notes.txt", "deeper/table.csv", "deeper/still/README")
    fill(tmp_path / "two", "b.png", *(f"{number}.docx" for number in range(9)))

    read, result = names(tmp_path / "one", tmp_path / "two")

    assert read == ["a.pdf", "b.png"]
    assert result.exit_code == 0
    assert result.stderr == (
        "doctr-serve ocr: skipped 12 files that are no documents by their name, "
        f"e.g. {tmp_path}/one/deeper/still/README; name them to send them anyway\n"
    )


def test_one_file_is_said_in_the_singular_and_is_sent_when_named(names, tmp_path):
    fill(tmp_path / "in", "a.pdf", "notes.txt")

    _, result = names(tmp_path / "in")
    assert "skipped 1 file that is no document by its name, e.g. " in result.stderr
    assert "notes.txt; name it to send it anyway" in result.stderr

    read, result = names(tmp_path / "in", tmp_path / "in" / "notes.txt")
    assert read == ["a.pdf", "notes.txt"]


def test_a_directory_with_documents_only_says_nothing(names, folder):
    (folder / "note.txt").unlink()

    read, result = names(folder)

    assert (read, result.stderr) == (["a.pdf", "b.png", "c.jpeg"], "")


def test_suffixes_count_in_any_case(names, tmp_path):
    fill(tmp_path / "in", "A.PDF", "B.Jpeg", "C.TIFF", "D.WebP", "E.pNg", "F.tIf", "G.JPG")

    assert names(tmp_path / "in")[0] == ["A.PDF", "B.Jpeg", "C.TIFF", "D.WebP", "E.pNg", "F.tIf", "G.JPG"]


def test_hidden_files_and_directories_are_left_out_as_a_pattern_leaves_them_out(names, ocr, tmp_path):
    directory = tmp_path / "in"
    fill(directory, "a.pdf", "._a.pdf", ".DS_Store", ".git/logo.png", ".trash/deep/b.pdf")

    read, result = names(directory)

    assert read == ["a.pdf"]
    assert result.exit_code == 0
    assert result.stderr == (
        f"doctr-serve ocr: skipped 3 hidden documents and directories, e.g. {directory}/._a.pdf; "
        "name them to send them anyway\n"
    )
    assert names(directory / ".trash")[0] == ["b.pdf"]
    assert [
        entry["name"] for entry in json.loads(ocr(directory / "*.pdf", "--format", "json").stdout)
    ] == read


def test_a_subdirectory_that_cannot_be_read_is_a_failure(names, tmp_path, monkeypatch):
    fill(tmp_path / "in", "a.pdf", "locked/b.pdf")
    locked = str(tmp_path / "in" / "locked")
    scandir = os.scandir

    def refuse(path):  # as the kernel does for everybody but root
        if os.fspath(path) == locked:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    read, result = names(tmp_path / "in")

    assert read == ["a.pdf"]
    assert result.exit_code == 1
    assert result.stderr == f"doctr-serve ocr: {locked}: Permission denied\n"

    only = names(locked)[1]
    assert only.exit_code == 1
    assert only.stderr == f"doctr-serve ocr: {locked}: Permission denied\n"


@pytest.mark.timeout(30)
def test_links_in_a_circle_end_and_links_to_directories_are_said(names, tmp_path):
    directory = tmp_path / "in"
    fill(directory, "deeper/a.pdf")
    fill(tmp_path / "elsewhere", "b.pdf")
    (directory / "deeper" / "up").symlink_to(directory)
    (directory / "linked").symlink_to(tmp_path / "elsewhere")
    (directory / "also.pdf").symlink_to(tmp_path / "elsewhere" / "b.pdf")

    read, result = names(directory)

    assert read == ["also.pdf", "a.pdf"]
    assert result.exit_code == 0
    assert "skipped 2 links to directories, e.g. " in result.stderr
    assert names(directory / "linked")[0] == ["b.pdf"]


def test_documents_that_are_broken_links_or_no_files_are_failures(names, tmp_path):
    directory = tmp_path / "in"
    fill(directory, "a.pdf")
    (directory / "gone.pdf").symlink_to("missing.pdf")
    (directory / "circle.pdf").symlink_to("circle.pdf")
    os.mkfifo(directory / "pipe.pdf")

    read, result = names(directory)

    assert read == ["a.pdf"]
    assert result.exit_code == 1
    assert f"{directory}/gone.pdf: No such file or directory\n" in result.stderr
    assert f"{directory}/circle.pdf: Too many levels of symbolic links\n" in result.stderr
    assert f"{directory}/pipe.pdf: is no regular file\n" in result.stderr

"""``doctr-serve ocr`` and the commands of single stages, with their flags. Need the plain install only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from doctr_serve.v1 import ocr_pb2
from google.protobuf.message import Message

from doctr_serve_client.cli.access import CAFile, ServerAddress, UseTLS, credentials, pdf_password
from doctr_serve_client.cli.job import Job, run
from doctr_serve_client.cli.output import OutputFormat
from doctr_serve_client.cli.terminal import complain
from doctr_serve_client.connection import DEFAULT_SERVER, DEFAULT_TIMEOUT_S
from doctr_serve_client.options import OPTIONS, options_of

__all__ = ["register"]

HELP = """
    A file that fails is reported on standard error, the others are still read, and the exit status is 1. What was
    lost of a page that was read is said there too; JSON has it in the page's warnings.
    The password of encrypted PDFs is asked for (--password), or read from --password-file or the environment
    variable DOCTR_SERVE_PDF_PASSWORD.
"""
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


KINDS: Mapping[str, tuple[type[Message], str]] = {
    "ocr": (ocr_pb2.OCRRequest, "Read documents and print their text."),
    "detect": (ocr_pb2.DetectTextRequest, "Find the words of documents and print their boxes and scores."),
    "recognize": (ocr_pb2.RecognizeTextRequest, "Read pictures of one word or line each."),
    "fields": (
        ocr_pb2.ExtractFieldsRequest,
        "Read documents and print their words by the classes of the detection model.",
    ),
    "layout": (
        ocr_pb2.DetectLayoutRequest,
        "Find the regions of documents, such as titles and tables, and print their boxes and confidences.",
    ),
    "tables": (ocr_pb2.ExtractTablesRequest, "Read the tables of documents and print their rows."),
}
"""The commands: the requests that they send, and what they do."""


def register(app: typer.Typer) -> None:
    """Adds the commands to the app."""
    for name, (kind, summary) in KINDS.items():
        app.command(name=name, no_args_is_help=True, help=f"{summary}\n\n{inspect.cleandoc(HELP)}")(
            _with_option_flags(partial(read, kind), options_of(kind))
        )


def _with_option_flags(command: Callable[..., None], options: Collection[str]) -> Callable[..., None]:
    """The command with one flag per option in place of its ``**options``."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    flags = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, typer.Option(help=help_text, rich_help_panel="OCR options")],
        )
        for name, (kind, help_text) in OPTIONS.items()
        if name in options
    ]

    def run_it(**arguments: Any) -> None:
        command(**arguments)

    run_it.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    run_it.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
    return run_it


def read(
    kind: type[Message],
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="JPEG, PNG, PDF, TIFF, WebP, GIF and BMP files; glob patterns; - for standard input.",
        ),
    ],
    output_format: Annotated[
        OutputFormat,
        typer.Option(
            "--format",
            help="text; json: one array, as the REST answer; ndjson: a page per line, as they are read.",
        ),
    ] = OutputFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of standard output.")
    ] = None,
    server: ServerAddress = DEFAULT_SERVER,
    timeout_s: Annotated[
        float, typer.Option(min=0.001, help="Seconds one file may take, retries included.")
    ] = DEFAULT_TIMEOUT_S,
    files_at_once: Annotated[
        int, typer.Option("--files-at-once", "-j", min=1, help="Files read at the same time.")
    ] = 2,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Read the documents in directories.")
    ] = False,
    password: Annotated[bool, typer.Option("--password", help="Ask for the PDFs' password.")] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the PDFs' password.")
    ] = None,
    tls: UseTLS = False,
    ca_file: CAFile = None,
    **options: Any,
) -> None:
    """Reads files with requests of a kind; what a command does."""
    try:
        job = Job(
            server=server,
            credentials=credentials(tls, ca_file),
            timeout_s=timeout_s,
            files_at_once=files_at_once,
            pdf_password=pdf_password(password, password_file),
            options={name: value for name, value in options.items() if value is not None},
            kind=kind,
        )
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    try:
        status = run(job, files, recursive=recursive, output=output, output_format=output_format)
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    raise typer.Exit(status)

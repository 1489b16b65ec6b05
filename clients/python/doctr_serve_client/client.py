"""The synchronous client."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from grpc_health.v1 import health_pb2_grpc
from tenacity import Retrying

from doctr_serve_client._base import ClientBase
from doctr_serve_client.connection import (
    HEALTH_POLL_INTERVAL_S,
    HEALTH_REQUEST,
    health_problem,
    not_ready_error,
    open_channel,
)
from doctr_serve_client.failures import page_error
from doctr_serve_client.inputs import DocumentInputs, DocumentSource, open_sources
from doctr_serve_client.options import OCROptions, Request, to_request, with_options
from doctr_serve_client.retry import Deadline, retry_arguments
from doctr_serve_client.streams import PageStream, translated
from doctr_serve_client.uploads import Upload, fits_one_message, single_message, upload_method

__all__ = ["OCRClient"]

Answer = TypeVar("Answer")


class OCRClient(ClientBase):
    """Reads documents through a doctr-serve server; safe to use from several threads.

    Args:
        server: host and port, or any gRPC target (``dns:///ocr.internal:50051``).
        timeout_s: seconds a call may take, retries included, where the call does not say otherwise.
        max_attempts: attempts of a call that fails because the server is unavailable or its queue is full.
        credentials: TLS (``grpc.ssl_channel_credentials()``); plaintext without.
        metadata: sent with every call, e.g. ``[("authorization", "Bearer ...")]``.
        channel_options: gRPC channel arguments, over the client's own.

    Example:
        >>> with OCRClient("localhost:50051") as client:
        ...     for page in client.stream_pages("report.pdf", detect_language=True):
        ...         print(page.page_number, page_text(page))
    """

    def _connect(self) -> None:
        self._channel = open_channel(self.server, self._credentials, self._channel_options)
        self._stub = ocr_pb2_grpc.OCRServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def read(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        raise_page_errors: bool = True,
        timeout_s: float | None = None,
        **options: Unpack[OCROptions],
    ) -> list[ocr_pb2.PageResult]:
        """Reads documents and returns when the last page is read.

        Args:
            documents: a path, bytes, a file opened in binary mode, a pair of a name and one of the latter
                two, or several of these. A path's document is named after its file.
            pdf_password: opens encrypted PDFs.
            raise_page_errors: raise when a page could not be read; the error carries every page's result.
                False returns such pages with their ``error`` set.
            timeout_s: seconds the call may take, retries included; the client's own where absent.
            **options: see :class:`OCROptions`.

        Returns:
            One result per page, in the order of the documents and of their pages.

        Raises:
            OCRError: the call failed, see its subclasses; :class:`PageError` when a page could not be read.
            TypeError: an unknown option, an option of the wrong type, something that is no document.
            OSError: a file that cannot be read.
        """
        request = to_request(options)
        deadline = self._deadline(timeout_s)
        with open_sources(documents) as sources:
            if fits_one_message(sources):
                message = single_message(request, sources, pdf_password)
                results = list(self._call(self._stub.ReadDocuments, message, deadline).results)
            else:

                def upload() -> list[ocr_pb2.PageResult]:
                    with self._open(request, sources, pdf_password, deadline) as pages:
                        return list(pages)

                results = self._retrying(deadline)(upload)
        error = page_error(results) if raise_page_errors else None
        if error is not None:
            raise error
        return results

    def stream_pages(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Unpack[OCROptions],
    ) -> Generator[ocr_pb2.PageResult, None, None]:
        """Reads documents and yields each page as soon as the server has read it.

        A call is tried again only while no page has come; after that a failure is raised, and the pages that
        came stay good. Leaving the loop, or closing the iterator, cancels the call. A page that could not be
        read comes with its ``error`` set.

        Args:
            documents: see :meth:`read`.
            pdf_password: opens encrypted PDFs.
            timeout_s: seconds until the last page, retries and the caller's own work in between included; the
                client's own where absent.
            **options: see :class:`OCROptions`.

        Returns:
            An iterator of results, in the order of the documents and of their pages.

        Raises:
            OCRError: the call failed.
            TypeError: an unknown option, an option of the wrong type, something that is no document.
            OSError: a file that cannot be read.
        """
        return self._stream(to_request(options), documents, pdf_password, timeout_s)

    def detect_text(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> Generator[ocr_pb2.DetectTextResponse, None, None]:
        """Finds the words of documents and yields the boxes of each page; see :meth:`stream_pages`.

        Args:
            documents: see :meth:`read`.
            pdf_password: opens encrypted PDFs.
            timeout_s: see :meth:`stream_pages`.
            **options: those of :class:`OCROptions` that ``DetectTextRequest`` has.
        """
        request = with_options(ocr_pb2.DetectTextRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    def recognize_text(
        self, documents: DocumentInputs, *, timeout_s: float | None = None, **options: Any
    ) -> Generator[ocr_pb2.RecognizeTextResponse, None, None]:
        """Reads pictures of one word or line each and yields their text; see :meth:`stream_pages`.

        Args:
            documents: the pictures; see :meth:`read`.
            timeout_s: see :meth:`stream_pages`.
            **options: those of :class:`OCROptions` that ``RecognizeTextRequest`` has.
        """
        request = with_options(ocr_pb2.RecognizeTextRequest(), options)
        return self._stream(request, documents, None, timeout_s)

    def extract_fields(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> Generator[ocr_pb2.ExtractFieldsResponse, None, None]:
        """Reads documents and yields each page's words by the classes of the model; see :meth:`stream_pages`.

        Args:
            documents: see :meth:`read`.
            pdf_password: opens encrypted PDFs.
            timeout_s: see :meth:`stream_pages`.
            **options: those of :class:`OCROptions` that ``ExtractFieldsRequest`` has.
        """
        request = with_options(ocr_pb2.ExtractFieldsRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    def detect_layout(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> Generator[ocr_pb2.DetectLayoutResponse, None, None]:
        """Finds the regions of documents and yields those of each page; see :meth:`stream_pages`.

        Args:
            documents: see :meth:`read`.
            pdf_password: opens encrypted PDFs.
            timeout_s: see :meth:`stream_pages`.
            **options: those of :class:`OCROptions` that ``DetectLayoutRequest`` has.
        """
        request = with_options(ocr_pb2.DetectLayoutRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    def extract_tables(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> Generator[ocr_pb2.ExtractTablesResponse, None, None]:
        """Reads the tables of documents and yields those of each page; see :meth:`stream_pages`.

        Args:
            documents: see :meth:`read`.
            pdf_password: opens encrypted PDFs.
            timeout_s: see :meth:`stream_pages`.
            **options: those of :class:`OCROptions` that ``ExtractTablesRequest`` has.
        """
        request = with_options(ocr_pb2.ExtractTablesRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    def list_models(self, *, timeout_s: float | None = None) -> ocr_pb2.ListModelsResponse:
        """The models the server knows: what they read, their licence, whether they are there; and the default pair.

        Raises:
            OCRError: the call failed.
        """
        return self._call(self._stub.ListModels, ocr_pb2.ListModelsRequest(), self._deadline(timeout_s))

    def limits(self, *, timeout_s: float | None = None) -> ocr_pb2.GetLimitsResponse:
        """What to know before an upload: the server's limits, the formats it takes, and its defaults.

        Raises:
            OCRError: the call failed; UNIMPLEMENTED from a server that is too old to tell.
        """
        return self._call(self._stub.GetLimits, ocr_pb2.GetLimitsRequest(), self._deadline(timeout_s))

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Returns once the server's models are loaded and it takes requests (gRPC health checking protocol).

        Raises:
            ServerUnavailableError: not ready within ``timeout_s`` seconds; the message says why.
            OCRError: the server has no health service.
        """
        deadline = Deadline(timeout_s)
        problem = "no answer"
        while (remaining_s := deadline.remaining_s()) > 0:
            try:
                found = health_problem(self._check_health(remaining_s))
            except grpc.RpcError as error:
                raise self._error(error, deadline) from error
            if found is None:
                return
            problem = found
            time.sleep(min(HEALTH_POLL_INTERVAL_S, deadline.remaining_s()))
        raise not_ready_error(self.server, timeout_s, problem)

    def close(self) -> None:
        """Closes the channel; calls that still run end with :class:`CallCancelledError`."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _retrying(self, deadline: Deadline) -> Retrying:
        return Retrying(**retry_arguments(self.max_attempts, deadline))

    def _check_health(self, timeout_s: float) -> Any:
        try:
            return self._health.Check(HEALTH_REQUEST, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return error

    def _call(self, method: Callable[..., Answer], message: object, deadline: Deadline) -> Answer:
        """A unary call, tried again where that may help."""

        def attempt() -> Answer:
            with translated(lambda error: self._error(error, deadline)):
                return method(message, timeout=deadline.remaining_s(), metadata=self._metadata)

        return self._retrying(deadline)(attempt)

    def _open(
        self,
        request: Request,
        sources: Sequence[DocumentSource],
        password: str | None,
        deadline: Deadline,
    ) -> PageStream:
        """Starts one attempt at a streaming call."""
        is_whole = isinstance(request, ocr_pb2.OCRRequest) and fits_one_message(sources)
        upload = None if is_whole else Upload(request, sources, password)
        message = single_message(request, sources, password) if upload is None else upload
        method = self._stub.StreamPages if upload is None else upload_method(self._stub, request)
        call = method(message, timeout=deadline.remaining_s(), metadata=self._metadata)
        return PageStream(call, upload, lambda error: self._error(error, deadline))

    def _stream(
        self,
        request: Request,
        documents: DocumentInputs,
        password: str | None,
        timeout_s: float | None,
    ) -> Generator[Any, None, None]:
        deadline = self._deadline(timeout_s)
        with open_sources(documents) as sources:

            def start() -> tuple[PageStream, Any]:
                pages = self._open(request, sources, password, deadline)
                try:
                    return pages, next(pages, None)
                except BaseException:
                    pages.close()
                    raise

            pages, first = self._retrying(deadline)(start)
            with pages:
                if first is not None:
                    yield first
                    yield from pages

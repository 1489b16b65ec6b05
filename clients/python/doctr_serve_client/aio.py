"""The asyncio client: :class:`OCRClient`'s calls as coroutines and async iterators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, Unpack

import grpc
from doctr_serve.v1 import ocr_pb2, ocr_pb2_grpc
from grpc_health.v1 import health_pb2_grpc
from tenacity import AsyncRetrying

from doctr_serve_client._base import ClientBase
from doctr_serve_client.connection import (
    HEALTH_POLL_INTERVAL_S,
    HEALTH_REQUEST,
    health_problem,
    not_ready_error,
    open_aio_channel,
    open_channel,
)
from doctr_serve_client.errors import OCRError
from doctr_serve_client.failures import page_error
from doctr_serve_client.inputs import DocumentInputs, DocumentSource, open_sources
from doctr_serve_client.options import OCROptions, Request, to_request, with_options
from doctr_serve_client.retry import Deadline, retry_arguments
from doctr_serve_client.streams import AsyncPageStream, PageStream, ThreadedPageStream, translated
from doctr_serve_client.uploads import Upload, fits_one_message, single_message, upload_method

__all__ = ["AsyncOCRClient"]

Answer = TypeVar("Answer")
Pages: TypeAlias = AsyncPageStream | ThreadedPageStream


class AsyncOCRClient(ClientBase):
    """Reads documents through a doctr-serve server, for one event loop.

    It connects with its first call, so it may be made outside the loop.

    Args:
        server: host and port, or any gRPC target (``dns:///ocr.internal:50051``).
        timeout_s: seconds a call may take, retries included, where the call does not say otherwise.
        max_attempts: attempts of a call that fails because the server is unavailable or its queue is full.
        credentials: TLS (``grpc.ssl_channel_credentials()``); plaintext without.
        metadata: sent with every call, e.g. ``[("authorization", "Bearer ...")]``.
        channel_options: gRPC channel arguments, over the client's own.

    Example:
        >>> async with AsyncOCRClient("localhost:50051") as client:
        ...     async for page in client.stream_pages("report.pdf", detect_language=True):
        ...         print(page.page_number, page_text(page))
    """

    def _connect(self) -> None:
        # Not yet: a grpc.aio channel belongs to the event loop it is made in.
        self._channel: grpc.aio.Channel | None = None
        self._upload_channel: grpc.Channel | None = None

    async def read(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        raise_page_errors: bool = True,
        timeout_s: float | None = None,
        **options: Unpack[OCROptions],
    ) -> list[ocr_pb2.PageResult]:
        """Reads documents and returns when the last page is read; see :meth:`OCRClient.read`."""
        request = to_request(options)
        deadline = self._deadline(timeout_s)
        async with _open_sources(documents) as sources:
            if fits_one_message(sources):
                message = await asyncio.to_thread(single_message, request, sources, pdf_password)
                answer = await self._call(self._stub().ReadDocuments, message, deadline)
                results = list(answer.results)
            else:

                async def upload() -> list[ocr_pb2.PageResult]:
                    with closing(await self._open(request, sources, pdf_password, deadline)) as pages:
                        return [page async for page in pages]

                results = await self._retrying(deadline)(upload)
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
    ) -> AsyncGenerator[ocr_pb2.PageResult, None]:
        """Yields each page as soon as the server has read it; see :meth:`OCRClient.stream_pages`.

        Leaving the loop early cancels the call when the iterator is finalised; wrap it in
        ``contextlib.aclosing`` to have that happen at once.
        """
        return self._stream(to_request(options), documents, pdf_password, timeout_s)

    def detect_text(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AsyncGenerator[ocr_pb2.DetectTextResponse, None]:
        """Yields the boxes of each page's words; see :meth:`OCRClient.detect_text`."""
        request = with_options(ocr_pb2.DetectTextRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    def recognize_text(
        self, documents: DocumentInputs, *, timeout_s: float | None = None, **options: Any
    ) -> AsyncGenerator[ocr_pb2.RecognizeTextResponse, None]:
        """Yields the text of each picture of a word or line; see :meth:`OCRClient.recognize_text`."""
        request = with_options(ocr_pb2.RecognizeTextRequest(), options)
        return self._stream(request, documents, None, timeout_s)

    def extract_fields(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AsyncGenerator[ocr_pb2.ExtractFieldsResponse, None]:
        """Yields each page's words by the classes of the model; see :meth:`OCRClient.extract_fields`."""
        request = with_options(ocr_pb2.ExtractFieldsRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    def detect_layout(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AsyncGenerator[ocr_pb2.DetectLayoutResponse, None]:
        """Yields the regions of each page; see :meth:`OCRClient.detect_layout`."""
        request = with_options(ocr_pb2.DetectLayoutRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    def extract_tables(
        self,
        documents: DocumentInputs,
        *,
        pdf_password: str | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AsyncGenerator[ocr_pb2.ExtractTablesResponse, None]:
        """Yields the tables of each page; see :meth:`OCRClient.extract_tables`."""
        request = with_options(ocr_pb2.ExtractTablesRequest(), options)
        return self._stream(request, documents, pdf_password, timeout_s)

    async def list_models(self, *, timeout_s: float | None = None) -> ocr_pb2.ListModelsResponse:
        """The models the server knows: what they read, their licence, whether they are there; and the default pair.

        Raises:
            OCRError: the call failed.
        """
        return await self._call(
            self._stub().ListModels, ocr_pb2.ListModelsRequest(), self._deadline(timeout_s)
        )

    async def limits(self, *, timeout_s: float | None = None) -> ocr_pb2.GetLimitsResponse:
        """What to know before an upload: the server's limits, the formats it takes, and its defaults.

        Raises:
            OCRError: the call failed; UNIMPLEMENTED from a server that is too old to tell.
        """
        return await self._call(self._stub().GetLimits, ocr_pb2.GetLimitsRequest(), self._deadline(timeout_s))

    async def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Returns once the server takes requests; see :meth:`OCRClient.wait_until_ready`."""
        deadline = Deadline(timeout_s)
        problem = "no answer"
        while (remaining_s := deadline.remaining_s()) > 0:
            try:
                found = health_problem(await self._check_health(remaining_s))
            except grpc.RpcError as error:
                raise self._error(error, deadline) from error
            if found is None:
                return
            problem = found
            await asyncio.sleep(min(HEALTH_POLL_INTERVAL_S, deadline.remaining_s()))
        raise not_ready_error(self.server, timeout_s, problem)

    async def close(self) -> None:
        """Closes the channel; calls that still run end with :class:`CallCancelledError`."""
        if self._channel is not None:
            await self._channel.close()
        if self._upload_channel is not None:
            self._upload_channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _connection(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = open_aio_channel(self.server, self._credentials, self._channel_options)
        return self._channel

    def _stub(self) -> Any:
        return ocr_pb2_grpc.OCRServiceStub(self._connection())

    def _upload_stub(self) -> Any:
        if self._upload_channel is None:
            self._upload_channel = open_channel(self.server, self._credentials, self._channel_options)
        return ocr_pb2_grpc.OCRServiceStub(self._upload_channel)

    def _retrying(self, deadline: Deadline) -> AsyncRetrying:
        return AsyncRetrying(**retry_arguments(self.max_attempts, deadline))

    async def _check_health(self, timeout_s: float) -> Any:
        try:
            stub = health_pb2_grpc.HealthStub(self._connection())
            return await stub.Check(HEALTH_REQUEST, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return error

    async def _call(
        self, method: Callable[..., Awaitable[Answer]], message: object, deadline: Deadline
    ) -> Answer:
        """A unary call, tried again where that may help."""

        async def attempt() -> Answer:
            with translated(lambda error: self._error(error, deadline)):
                return await method(message, timeout=deadline.remaining_s(), metadata=self._metadata)

        return await self._retrying(deadline)(attempt)

    async def _open(
        self,
        request: Request,
        sources: Sequence[DocumentSource],
        password: str | None,
        deadline: Deadline,
    ) -> Pages:
        """Starts one attempt at a streaming call."""

        def translate(error: grpc.RpcError) -> OCRError:
            return self._error(error, deadline)

        arguments = {"timeout": deadline.remaining_s(), "metadata": self._metadata}
        if isinstance(request, ocr_pb2.OCRRequest) and fits_one_message(sources):
            message = await asyncio.to_thread(single_message, request, sources, password)
            return AsyncPageStream(self._stub().StreamPages(message, **arguments), translate)
        upload = Upload(request, sources, password)
        call = upload_method(self._upload_stub(), request)(upload, **arguments)
        return ThreadedPageStream(PageStream(call, upload, translate))

    async def _stream(
        self,
        request: Request,
        documents: DocumentInputs,
        password: str | None,
        timeout_s: float | None,
    ) -> AsyncGenerator[Any, None]:
        deadline = self._deadline(timeout_s)
        async with _open_sources(documents) as sources:

            async def start() -> tuple[Pages, Any]:
                pages = await self._open(request, sources, password, deadline)
                try:
                    return pages, await anext(pages, None)
                except BaseException:
                    pages.close()
                    raise

            attempts = self._retrying(deadline)
            started: tuple[Pages, Any] = await attempts(start)
            pages, first = started
            with closing(pages):
                if first is not None:
                    yield first
                async for page in pages:
                    yield page


@asynccontextmanager
async def _open_sources(documents: DocumentInputs) -> AsyncIterator[Sequence[DocumentSource]]:
    """``open_sources`` off the event loop: it may copy a pipe to a temporary file."""
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, open_sources(documents))

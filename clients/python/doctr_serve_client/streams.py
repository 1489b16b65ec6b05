"""One attempt at a streaming call: its pages, its errors, and the end of its upload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import grpc

from doctr_serve_client.errors import CallCancelledError, OCRError
from doctr_serve_client.uploads import Upload

__all__ = ["AsyncPageStream", "PageStream", "ThreadedPageStream", "translated"]

Translate = Callable[[grpc.RpcError], OCRError]


@contextmanager
def translated(translate: Translate, upload: Upload | None = None) -> Iterator[None]:
    """GRPC's errors as the client's; a file that failed under the upload as the file's own error."""
    try:
        yield
    except grpc.RpcError as error:
        if upload is not None and upload.error is not None:
            raise upload.error from None
        raise translate(error) from error
    except asyncio.CancelledError:
        # grpc.aio reports a call whose channel was closed just as the cancellation of our own task, which must
        # go on as it is.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise CallCancelledError(grpc.StatusCode.CANCELLED, "the client was closed during the call") from None


class PageStream(Iterator[Any]):
    """The pages of one attempt; leaving its block ends the call and the upload.

    Args:
        call: a grpc call that streams pages.
        upload: the messages it sends, where documents go in pieces.
        translate: turns gRPC's errors into the client's.
    """

    def __init__(self, call: Any, upload: Upload | None, translate: Translate) -> None:
        self._call = call
        self._upload = upload
        self._translate = translate

    def __next__(self) -> Any:
        with translated(self._translate, self._upload):
            return next(self._call)

    def close(self) -> None:
        """Cancels the call where it still runs, and stops reading its documents."""
        self._call.cancel()
        if self._upload is not None:
            self._upload.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncPageStream(AsyncIterator[Any]):
    """The same over grpc.aio, for documents that travel in one message.

    Args:
        call: a grpc.aio call that streams pages.
        translate: turns gRPC's errors into the client's.
    """

    def __init__(self, call: Any, translate: Translate) -> None:
        self._call = call
        self._pages = aiter(call)
        self._translate = translate

    async def __anext__(self) -> Any:
        with translated(self._translate):
            return await anext(self._pages)

    def close(self) -> None:
        """Cancels the call where it still runs."""
        self._call.cancel()


class ThreadedPageStream(AsyncIterator[Any]):
    """A :class:`PageStream` for asyncio, each page awaited on a thread of its own.

    Uploads go this way. Over grpc.aio a server that refuses an upload before its end comes out as INTERNAL
    "Internal error from Core" instead of its own status, half of the time (grpc issue 36066, open in 1.85).

    Args:
        pages: a stream of the synchronous client.
    """

    def __init__(self, pages: PageStream) -> None:
        self._pages = pages
        # Not the event loop's default executor: a few slow uploads would fill it and starve everybody else.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="doctr-serve-upload")

    async def __anext__(self) -> Any:
        loop = asyncio.get_running_loop()
        page = await loop.run_in_executor(self._executor, next, self._pages, None)
        if page is None:
            raise StopAsyncIteration
        return page

    def close(self) -> None:
        """Cancels the call where it still runs, and stops reading its documents."""
        self._pages.close()
        self._executor.shutdown(wait=False)

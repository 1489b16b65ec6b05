"""How many documents a request may have, however they arrive: at least one, and no more than the limit."""

from __future__ import annotations

from doctr_serve.errors import NoDocumentsError, RequestTooLargeError

__all__ = ["DocumentQuota"]


class DocumentQuota:
    """Counts the documents of one request.

    Args:
        max_documents: most documents.
        field: what the caller calls them: ``files`` in a form, ``documents`` in a message.
    """

    def __init__(self, max_documents: int, *, field: str = "documents") -> None:
        self._max_documents = max_documents
        self._field = field
        self._count = 0

    def take(self, count: int = 1) -> None:
        """Counts further documents.

        Raises:
            RequestTooLargeError: they are too many.
        """
        self._count += count
        if self._count > self._max_documents:
            raise RequestTooLargeError(
                f"the request has more than {self._max_documents} documents; send several requests, "
                "or ask the operator to raise max_documents",
                field=self._field,
            )

    def check_not_empty(self, how_to_send: str = "") -> None:
        """Returns where there is a document.

        Args:
            how_to_send: an example for the message.

        Raises:
            NoDocumentsError: there is none.
        """
        if self._count == 0:
            example = f", {how_to_send}" if how_to_send else ""
            raise NoDocumentsError(
                f"the request has no document; send at least one in {self._field}{example}", field=self._field
            )

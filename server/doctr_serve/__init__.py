"""doctr-serve: docTR's OCR as a gRPC microservice that people also call over REST.

Importing this package stays light: nothing here loads torch, docTR or grpc. The message classes are in
``doctr_serve.v1``, the client in ``doctr_serve_client``. ``Reader`` reads documents in this very process; it is loaded
when it is asked for, and needs the extra ``server``.
"""

from typing import TYPE_CHECKING, Any

from doctr_serve.version import __version__

if TYPE_CHECKING:
    from doctr_serve.reading import Reader

__all__ = ["Reader", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Reader":
        from doctr_serve.reading import Reader

        return Reader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""doctr-serve: docTR's OCR as a gRPC microservice that people also call over REST.

Importing this package stays light: nothing here loads torch, docTR or grpc. The message classes are in
``doctr_serve.v1``, the client in ``doctr_serve_client``, the server in ``doctr_serve.rpc.server``.
"""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("doctr-serve")
except PackageNotFoundError:  # a source tree on the path, not installed
    __version__ = "0.0.0"

"""The versions of this installation: doctr-serve's and docTR's."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__", "doctr_version"]

try:
    __version__ = version("doctr-serve")
except PackageNotFoundError:  # a source tree on the path, not installed
    __version__ = "0.0.0"


def doctr_version() -> str:
    """Returns docTR's version; empty where it is not installed. Imports nothing of it."""
    try:
        return version("python-doctr")
    except PackageNotFoundError:
        return ""

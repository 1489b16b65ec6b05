"""The version of this installation."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("doctr-serve")
except PackageNotFoundError:  # a source tree on the path, not installed
    __version__ = "0.0.0"

"""docTR models of the Hugging Face hub: their configuration and their weights, from its cache or its server.

Reads what docTR's ``push_to_hf_hub`` writes (``config.json`` and ``pytorch_model.bin``), as docTR's ``from_hub``
does, but says clearly what is wrong with a repository, and never runs code out of it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from doctr_serve.errors import UnknownModelError, WeightsDownloadError

__all__ = ["HubConfig", "HubRepositories", "is_hub_name"]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "pytorch_model.bin"
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def is_hub_name(name: str) -> bool:
    """Whether ``name`` has the form ``<organisation>/<model>``; ``bundled/`` names belong to the package."""
    return bool(_HUB_NAME.fullmatch(name)) and not name.startswith("bundled/")


class HubConfig(BaseModel):
    """The ``config.json`` of a docTR model on the hub (docTR's ``cfg`` plus ``arch`` and ``task``)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    arch: str
    task: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    input_shape: tuple[int, int, int]
    vocab: str | None = Field(None, min_length=1)
    classes: list[int | str] | None = None

    def doctr_cfg(self) -> dict[str, Any]:
        """The model's ``cfg`` as docTR's ``from_hub`` sets it: everything but ``arch`` and ``task``."""
        return self.model_dump(exclude={"arch", "task"}, exclude_unset=True)


class HubRepositories:
    """Files of docTR models on the hub, through ``huggingface_hub`` and its cache.

    Args:
        timeout_s: seconds to wait for the hub's answer about a file.
        endpoint: address of the hub; None for ``HF_ENDPOINT`` or the public one.
        cache_dir: the hub's cache; None for ``HF_HUB_CACHE`` or the usual one.
    """

    def __init__(
        self, timeout_s: float, *, endpoint: str | None = None, cache_dir: Path | None = None
    ) -> None:
        self._timeout_s = timeout_s
        self._endpoint = endpoint
        self._cache_dir = cache_dir

    def cached(self, name: str, file_name: str) -> Path | None:
        """Path of a file of the repository's main revision in the cache; None where it is not there."""
        from huggingface_hub import try_to_load_from_cache

        path = try_to_load_from_cache(name, file_name, cache_dir=self._cache_dir)
        return Path(path) if isinstance(path, str) else None

    def read_config(self, name: str, *, fetch: bool, option: str | None = None) -> HubConfig | None:
        """The repository's configuration.

        Args:
            name: ``<organisation>/<model>``.
            fetch: ask the hub where the cache does not have it.
            option: request option that named the model, for the error's ``field``.

        Returns:
            The configuration; None where it is not in the cache and ``fetch`` is off.

        Raises:
            UnknownModelError: the hub has no such repository, or it is no docTR model.
            WeightsDownloadError: the hub does not answer.
        """
        path = self.cached(name, CONFIG_FILE)
        if path is None and fetch:
            path = self._download(name, CONFIG_FILE, option=option)
        if path is None:
            return None
        try:
            return HubConfig.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, ValidationError) as error:
            raise UnknownModelError(
                f"{option or 'model'} '{name}' is not a docTR model: its {CONFIG_FILE} lacks what docTR's "
                "push_to_hf_hub writes (arch, task, mean, std, input_shape)",
                field=option,
            ) from error

    def fetch_weights(self, name: str) -> Path:
        """Downloads the weights, where they are not in the cache yet, and returns their path.

        The weights come from the very revision that the configuration came from, so that an upload between the
        two requests cannot mix them.

        Raises:
            UnknownModelError: the repository has no docTR weights.
            WeightsDownloadError: the hub does not answer, or breaks off.
        """
        config_path = self.cached(name, CONFIG_FILE) or self._download(name, CONFIG_FILE)
        return self._download(name, WEIGHTS_FILE, revision=config_path.parent.name)

    def _download(
        self, name: str, file_name: str, *, revision: str | None = None, option: str | None = None
    ) -> Path:
        import httpx
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import (
            EntryNotFoundError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
        )

        try:
            return Path(
                hf_hub_download(
                    name,
                    file_name,
                    revision=revision,
                    cache_dir=self._cache_dir,
                    endpoint=self._endpoint,
                    etag_timeout=self._timeout_s,
                )
            )
        # LocalEntryNotFoundError (the hub cannot be reached) is a subclass of EntryNotFoundError: it goes first.
        except LocalEntryNotFoundError as error:
            raise _unreachable(name, file_name) from error
        except (RepositoryNotFoundError, EntryNotFoundError) as error:
            raise UnknownModelError(
                f"{option or 'model'} '{name}': the hub has no such model, or it has no {file_name}, or it is "
                "private; check the name, or give the server access with HF_TOKEN",
                field=option,
            ) from error
        except (httpx.HTTPError, OSError) as error:
            raise _unreachable(name, file_name) from error


def _unreachable(name: str, file_name: str) -> WeightsDownloadError:
    return WeightsDownloadError(
        f"{file_name} of '{name}' could not be fetched from the Hugging Face hub; check the connection (HF_ENDPOINT, "
        f"HTTPS_PROXY) and the access rights (HF_TOKEN), then try again: doctr-serve pull {name}"
    )

"""docTR models of the Hugging Face hub: their configuration and their weights, from its cache or its server.

Reads what docTR's ``push_to_hf_hub`` writes (``config.json`` and ``pytorch_model.bin``), as docTR's
``from_hub`` does (doctr/models/factory/hub.py), but says what is wrong with a repository, and runs no code
out of it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from tqdm import tqdm

from doctr_serve.catalog.licenses import CARD_FILE, MAX_CARD_BYTES, License, stated_in_card, statement
from doctr_serve.errors import DoctrServeError, UnknownModelError, WeightsDownloadError

__all__ = ["CONFIG_FILE", "WEIGHTS_FILE", "HubConfig", "HubRepositories", "is_hub_name"]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "pytorch_model.bin"
# docTR's own models have at most 1024 pixels a side and some 1,000 characters; memory is allotted by these.
MAX_SIDE_PIXELS = 4096
MAX_INPUT_PIXELS = 4 * 1024 * 1024
"""Of one image of a model's input: docTR's smallest detector takes 260 MB to look at a quarter of it."""
MAX_VOCABULARY_CHARACTERS = 100_000
MAX_CONFIG_BYTES = 1024 * 1024
"""docTR writes 1 KB, and some bytes for each character that a model reads."""
MAX_PIXEL_SCALE = 1e6
"""docTR's means and deviations are of pixels from 0 to 1."""

_Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PIXELS)]
_Mean = Annotated[float, Field(ge=-MAX_PIXEL_SCALE, le=MAX_PIXEL_SCALE, allow_inf_nan=False)]
# Not 0, nor what becomes 0 or infinite in the float32 that pixels are divided in.
_Deviation = Annotated[float, Field(ge=1 / MAX_PIXEL_SCALE, le=MAX_PIXEL_SCALE, allow_inf_nan=False)]


def is_hub_name(name: str) -> bool:
    """Whether ``name`` has the form ``<organisation>/<model>``; ``bundled/`` names belong to the package."""
    if name.count("/") != 1 or name.startswith("bundled/"):
        return False
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


class HubConfig(BaseModel):
    """The ``config.json`` of a docTR model on the hub (docTR's ``cfg`` plus ``arch`` and ``task``)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    arch: str
    task: str
    mean: tuple[_Mean, _Mean, _Mean]
    std: tuple[_Deviation, _Deviation, _Deviation]
    input_shape: tuple[Literal[3], _Side, _Side]
    vocab: str | None = Field(None, min_length=1, max_length=MAX_VOCABULARY_CHARACTERS)
    classes: list[int | str] | None = None

    @field_validator("input_shape")
    @classmethod
    def _has_few_pixels(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if value[1] * value[2] > MAX_INPUT_PIXELS:
            raise ValueError(f"an input has at most {MAX_INPUT_PIXELS} pixels")
        return value

    def doctr_cfg(self) -> dict[str, Any]:
        """The model's ``cfg`` as docTR's ``from_hub`` sets it: everything but ``arch`` and ``task``."""
        return self.model_dump(exclude={"arch", "task"}, exclude_unset=True)


class HubRepositories:
    """Files of docTR models on the hub, through ``huggingface_hub`` and its cache.

    Args:
        timeout_s: seconds to wait for the hub's answer about a file.
        max_bytes: largest file accepted.
        endpoint: address of the hub; None for ``HF_ENDPOINT`` or the public one.
        cache_dir: the hub's cache; None for ``HF_HUB_CACHE`` or the usual one.
    """

    def __init__(
        self, *, timeout_s: float, max_bytes: int, endpoint: str | None = None, cache_dir: Path | None = None
    ) -> None:
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._endpoint = endpoint
        self._cache_dir = cache_dir

    def cached(self, name: str, file_name: str) -> Path | None:
        """Path of a file of the repository's main revision in the cache; None where it is not there."""
        from huggingface_hub import try_to_load_from_cache

        path = try_to_load_from_cache(name, file_name, cache_dir=self._cache_dir)
        return Path(path) if isinstance(path, str) else None

    def read_config(self, name: str, *, fetch: bool, option: str = "model") -> HubConfig | None:
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
            path = self._download(name, CONFIG_FILE, option=option, max_bytes=MAX_CONFIG_BYTES)
        if path is None:
            return None
        try:
            status = path.stat()
            return _parsed(path, status.st_mtime_ns, status.st_size)
        except ValueError as error:  # pydantic's is one
            raise UnknownModelError(
                f"{option} '{name}' is no docTR model: its {CONFIG_FILE} lacks what docTR's push_to_hf_hub "
                "writes (arch, task, mean, std, input_shape), or has values that no docTR model has",
                field=option,
            ) from error

    def fetch_weights(self, name: str, *, progress: bool) -> Path:
        """Downloads the weights, where they are not in the cache yet, and returns their path.

        They come from the very revision that the configuration came from, so that an upload between the two
        requests cannot mix them. The model's card, which states its licence, comes with them where there is one.

        Args:
            name: ``<organisation>/<model>``.
            progress: show a progress bar on stderr, where that is a terminal.

        Raises:
            UnknownModelError: the repository has no docTR weights.
            WeightsDownloadError: the hub does not answer, or breaks off.
        """
        cached = self.cached(name, WEIGHTS_FILE)
        if cached is not None:
            return cached
        config_path = self.cached(name, CONFIG_FILE) or self._download(
            name, CONFIG_FILE, max_bytes=MAX_CONFIG_BYTES
        )
        revision = config_path.parent.name
        path = self._download(name, WEIGHTS_FILE, revision=revision, progress=progress)
        with suppress(DoctrServeError):
            self._download(name, CARD_FILE, revision=revision, max_bytes=MAX_CARD_BYTES)
        return path

    def license_of(self, name: str) -> License | None:
        """The licence that the cached card or configuration states; None where neither does. Asks nobody."""
        from huggingface_hub.constants import ENDPOINT

        card = self.cached(name, CARD_FILE)
        stated = stated_in_card(card) if card is not None else None
        if stated is None:
            with suppress(DoctrServeError):
                config = self.read_config(name, fetch=False)
                stated = statement((config.model_extra or {}).get("license")) if config is not None else None
        return License.of(stated, f"{self._endpoint or ENDPOINT}/{name}") if stated else None

    def _download(
        self,
        name: str,
        file_name: str,
        *,
        revision: str | None = None,
        option: str = "model",
        progress: bool = False,
        max_bytes: int | None = None,
    ) -> Path:
        import httpx
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.errors import (
            EntryNotFoundError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
        )

        try:
            url = hf_hub_url(name, file_name, revision=revision, endpoint=self._endpoint)
            metadata = get_hf_file_metadata(url, timeout=self._timeout_s, endpoint=self._endpoint)
            _check_size(name, file_name, metadata.size or 0, max_bytes, self._max_bytes)
            path = hf_hub_download(
                name,
                file_name,
                revision=revision,
                cache_dir=self._cache_dir,
                endpoint=self._endpoint,
                etag_timeout=self._timeout_s,
                tqdm_class=_TerminalProgress if progress else _NoProgress,
            )
        # LocalEntryNotFoundError (the hub does not answer) is a kind of EntryNotFoundError, and goes first.
        except LocalEntryNotFoundError as error:
            raise _unreachable(name, file_name) from error
        except (RepositoryNotFoundError, EntryNotFoundError) as error:
            raise UnknownModelError(
                f"{option} '{name}': the hub has no such model, or it has no {file_name}, or it is private; "
                "check the name, or give access with the environment variable HF_TOKEN",
                field=option,
            ) from error
        except (httpx.HTTPError, OSError) as error:
            raise _unreachable(name, file_name) from error
        return Path(path)


# Few, since a hostile one can be 20 MB in memory. A new file in the same place is another key.
@lru_cache(maxsize=8)
def _parsed(path: Path, modified_ns: int, size_bytes: int) -> HubConfig:
    """Returns the configuration in a file; raises ValueError where it is none, or larger than they are."""
    with path.open("rb") as file:
        content = file.read(MAX_CONFIG_BYTES + 1)
    if len(content) > MAX_CONFIG_BYTES:
        raise ValueError(f"{path} has {size_bytes} bytes")
    # Not `json`'s objects: that nests until Python's stack ends, and takes characters that no answer can hold.
    return HubConfig.model_validate_json(content)


def _check_size(name: str, file_name: str, size_bytes: int, own_max: int | None, max_bytes: int) -> None:
    """Returns where a file has no more bytes than its kind may have, and any file of the hub."""
    for limit, what in ((max_bytes, "max_download_bytes"), (own_max or max_bytes, "such a file may be")):
        if size_bytes > limit:
            raise WeightsDownloadError(f"{file_name} of '{name}' is larger than {what} ({limit} bytes)")


class _TerminalProgress(tqdm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "disable": None})


class _NoProgress(tqdm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "disable": True})


def _unreachable(name: str, file_name: str) -> WeightsDownloadError:
    return WeightsDownloadError(
        f"{file_name} of '{name}' could not be fetched from the Hugging Face hub; check the connection "
        "(HF_ENDPOINT, HTTPS_PROXY), the access rights (HF_TOKEN) and the space left (HF_HOME), then try "
        f"again: doctr-serve pull {name}"
    )

"""Every knob of the server, in one class: environment ``DOCTR_SERVE_<NAME>``, or the flag ``--<name>``.

The README's settings table is generated from this class (``make docs``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["Settings", "unknown_variables"]

ENV_PREFIX = "DOCTR_SERVE_"
OTHER_VARIABLES = frozenset({"SERVER", "PDF_PASSWORD", "REQUIRE_TOOLS"})
"""Variables of the same prefix that are no settings of the server: the ``ocr`` command's, the tests'."""

MIB = 1024 * 1024


def available_cores() -> int:
    """Cores this process may use (its affinity mask, not the machine's count, as containers set it)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_share() -> int:
    """An eighth of the memory that this process may use (the machine's, or its cgroup's where that is less)."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    root = Path("/sys/fs/cgroup")
    files = [folder / "memory.max" for folder in _cgroups(root)]
    for file in (*files, root / "memory/memory.limit_in_bytes"):
        text = file.read_text().strip() if file.exists() else ""
        limits += [int(text)] if text.isdigit() else []
    return max(64 * MIB, min(limits) // 8)


def _cgroups(root: Path) -> list[Path]:
    """This process's control group and those around it (cgroup v2; man 7 cgroups): every limit of them holds."""
    file = Path("/proc/self/cgroup")
    lines = file.read_text().splitlines() if file.exists() else []
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    folder = root / own
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def converted_models_dir() -> Path:
    """The folder doctr-serve/openvino of the user's cache (``XDG_CACHE_HOME``, by default ``~/.cache``)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "doctr-serve", "openvino")


class Settings(BaseSettings):
    """Settings of the server; every limit has a safe default."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_parse_none_str="none",
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
    )

    # Where it listens
    host: str = "127.0.0.1"
    """Address the gRPC server listens on; 0.0.0.0 for every interface."""
    port: int = Field(50051, ge=0, le=65535)
    """Port of the gRPC server; 0 picks a free one."""
    port_file: Path | None = None
    """File that receives the bound port once the server listens (for port 0)."""

    trusted_proxies: Annotated[list[str], NoDecode] = ["127.0.0.0/8", "::1"]
    """Networks, with commas between them, of proxies whose x-forwarded-for tells who calls, for fair shares."""
    reflection: bool = True
    """Serve gRPC reflection, by which tools such as grpcurl learn the contract; not routed by Envoy."""

    # Models
    default_detection_model: str = "db_resnet50"
    """Detection model of a request that names none."""
    default_recognition_model: str = "crnn_vgg16_bn"
    """Recognition model of a request that names none."""
    # NoDecode: pydantic-settings would take the variable for JSON, and fail on a plain name with a traceback.
    preload_models: Annotated[list[str], NoDecode] = []
    """Models to load at start besides the default pair, with commas between them."""
    weights_dir: Path | None = None
    """Folder with docTR weights, looked into before docTR's own cache."""
    download_at_start: bool = True
    """Fetch missing weights of the default pair and of preload_models at start."""
    download_on_demand: bool = False
    """Fetch missing weights when a request names the model; off, such a request answers FAILED_PRECONDITION."""
    download_timeout_s: float = Field(60.0, gt=0)
    """Seconds without a byte after which a download of weights is given up."""
    download_attempts: int = Field(5, ge=1)
    """Tries of a download of weights before it is given up; each goes on where the one before broke off."""
    max_download_bytes: int = Field(2048 * MIB, gt=0)
    """Largest file of weights that is downloaded."""
    allow_hub_models: bool = False
    """Let requests name <organisation>/<model> of the Hugging Face hub."""
    max_loaded_models: int = Field(8, ge=2)
    """Models kept in memory besides the default pair and preload_models; the least recently used one leaves."""

    # Inference
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    """What runs the models; auto is openvino on x86 CPUs, else torch. openvino leaves to torch what it cannot take."""
    inference_precision: Literal["auto", "f32", "bf16", "int8"] = "auto"
    """Of the forwards; auto is the fastest one that was measured to read as well as f32 does; int8 is OpenVINO's."""
    converted_models_dir: Path | None = Field(default_factory=converted_models_dir)
    """Folder where models stay as OpenVINO's, so that the next start is short; none keeps none."""
    intra_op_threads: int = Field(default_factory=available_cores, ge=1)
    """Threads of one forward pass."""
    concurrent_forwards: int = Field(1, ge=1)
    """Forward passes that run at the same time."""
    cpu_slice_pixels: int = Field(1024 * 1024, gt=0)
    """Model input pixels per slice of a batch on the CPU, where larger ones cost memory and gain no time."""
    batch_wait_ms: float = Field(0.0, ge=0, le=1000)
    """Longest time that a forward which others may still fill waits for them; pays on GPUs alone, under load."""
    min_orientation_confidence: float = Field(0.6, ge=0, le=1)
    """Confidence from which a page is reported as turned; below it counts as upright. 0 reports as docTR does."""
    device: str = "cpu"
    """torch device: cpu, cuda, cuda:1, mps."""

    # Requests
    max_concurrent_requests: int = Field(4, ge=1)
    """Pages worked on at the same time. Whose is next is decided page by page; one is kept for new requests."""
    max_queued_requests: int = Field(32, ge=0)
    """Requests that wait beyond these; one more is refused with RESOURCE_EXHAUSTED and RetryInfo."""
    max_uploads: int = Field(64, ge=1)
    """Uploads that arrive at the same time; each takes a place among the requests once it is here."""
    request_timeout_s: float = Field(600.0, gt=0)
    """Longest time for one request, upload and queue included; a shorter deadline of the caller holds."""
    upload_idle_timeout_s: float = Field(60.0, gt=0)
    """Longest time without a further message of a request that is still arriving."""
    send_timeout_s: float = Field(60.0, gt=0)
    """Longest time for one message of an answer to be taken by its caller; then the call is ended."""
    min_upload_bytes_per_s: int = Field(1024, ge=0)
    """Slowest upload, on average and once it has taken upload_idle_timeout_s; 0 for no limit."""
    drain_timeout_s: float = Field(30.0, ge=0)
    """On SIGTERM, seconds that requests in flight may take to finish."""

    # Documents
    max_request_bytes: int = Field(100 * MIB, gt=0)
    """Bytes of all documents of a request."""
    max_message_bytes: int = Field(4 * MIB, gt=0)
    """Bytes of one gRPC message (gRPC's own default), or of JSON; larger documents come in pieces or as a form."""
    max_documents: int = Field(64, ge=1)
    """Documents per request."""
    max_pages: int = Field(1000, ge=1)
    """Pages per request."""
    max_page_pixels: int = Field(50_000_000, gt=0)
    """Pixels per page, checked before decoding (50 million: A3 at 500 dpi, 150 MB in memory)."""
    max_scan_pixels: int = Field(16 * 1024 * 1024, gt=0)
    """Pixels to which a scan in a PDF is rendered, at its own resolution or less (A4 at 400 dpi has 16 million)."""
    request_memory_bytes: int = Field(default_factory=memory_share, gt=0)
    """Bytes of all requests: half for decoded pages, a quarter for work on them (both wait for room), then uploads."""
    max_page_side_pixels: int = Field(65_535, gt=0)
    """Pixels of a page's longer side (65,535: the most that JPEG has)."""
    max_page_aspect_ratio: float = Field(10_000.0, ge=1)
    """How many times longer than the other one side of a page may be."""
    max_words_per_page: int = Field(6000, ge=1)
    """Words per page; an A4 page full of the smallest print that docTR still finds, 5 pt, has 5,000."""
    max_tables_per_page: int = Field(20, ge=1)
    """Tables of a page whose cells are looked for, those first of which the layout model is surest: each takes a
    forward of its own."""
    page_decode_timeout_s: float = Field(30.0, gt=0)
    """Longest time to decode or render one page."""
    max_decoder_processes: int = Field(8, ge=1)
    """Decoder processes at most; documents open beyond these are opened again when their next page is due."""
    decoder_memory_bytes: int = Field(1024 * MIB, gt=0)
    """Address space of one decoder process at most: what the largest page takes. Ordinary ones are held to less."""
    spool_memory_bytes: int = Field(8 * MIB, ge=0)
    """Uploaded bytes per document kept in memory, where request_memory_bytes allows; others go to temporary files."""
    max_detection_batch_size: int = Field(16, ge=1)
    """Largest detection_batch_size a request may ask for."""
    max_recognition_batch_size: int = Field(1024, ge=1)
    """Largest recognition_batch_size a request may ask for."""

    # Logs
    log_format: Literal["json", "console"] = "json"
    """json: one object a line; console: for people."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    @property
    def page_memory_bytes(self) -> int:
        """Bytes of decoded pages. Uploads have bytes of their own: they wait for requests that wait for pages."""
        return self.request_memory_bytes - self.upload_memory_bytes - self.work_memory_bytes

    @property
    def max_json_bytes(self) -> int:
        """Longest body of JSON, which travels in one message with its content type."""
        return max(1, self.max_message_bytes - 1024)

    @property
    def work_memory_bytes(self) -> int:
        """Bytes of what pages are worked on with: crops, batches, turned pages. Those who have these need no others."""
        return self.request_memory_bytes // 4

    @property
    def upload_memory_bytes(self) -> int:
        """Bytes of uploads in memory."""
        return self.request_memory_bytes // 4

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for name in value:
            ip_network(name)
        return value

    @field_validator("preload_models", "trusted_proxies", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """Takes names with commas between them, or JSON, as which pydantic-settings passes a repeated flag on."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [name.strip() for name in value.split(",") if name.strip()]


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Returns those of the environment's variables that look like settings and are none, such as a misspelt one."""
    known = {field.upper() for field in Settings.model_fields} | OTHER_VARIABLES
    return sorted(
        name for name in names if name.startswith(ENV_PREFIX) and name.removeprefix(ENV_PREFIX) not in known
    )

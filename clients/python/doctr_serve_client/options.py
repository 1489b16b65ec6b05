"""The options of a request, as typed keyword arguments: exactly those of the proto's ``OCRRequest``."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, TypedDict, TypeVar, get_args, get_origin, get_type_hints

from doctr_serve.v1 import ocr_pb2
from google.protobuf.message import Message

__all__ = ["OPTIONS", "OCROptions", "Request", "check_options", "options_of", "to_request", "with_options"]

Request = TypeVar(
    "Request",
    ocr_pb2.OCRRequest,
    ocr_pb2.DetectTextRequest,
    ocr_pb2.RecognizeTextRequest,
    ocr_pb2.ExtractFieldsRequest,
    ocr_pb2.DetectLayoutRequest,
    ocr_pb2.ExtractTablesRequest,
)


class OCROptions(TypedDict, total=False):
    """What to read and how; an absent option takes the server's default.

    The text beside each type is the help of the command line's flag.
    """

    detection_model: Annotated[
        str,
        "Text detection model: a docTR architecture, bundled/<architecture>, or <organisation>/<model> of a "
        "hub. Default: the server's (db_resnet50).",
    ]
    recognition_model: Annotated[
        str, "Text recognition model, named as the detection model is. Default: the server's (crnn_vgg16_bn)."
    ]
    assume_straight_pages: Annotated[
        bool, "Assume text is horizontal: boxes of 4 numbers; off, polygons of 8 numbers. Default: on."
    ]
    preserve_aspect_ratio: Annotated[
        bool, "Pad the page to keep its aspect ratio before detection. Default: on."
    ]
    detect_orientation: Annotated[bool, "Report the page's orientation. Default: off."]
    detect_language: Annotated[bool, "Report the page's language. Default: off."]
    symmetric_padding: Annotated[
        bool, "Centre the page in its padding instead of padding at the bottom-right. Default: on."
    ]
    straighten_pages: Annotated[bool, "Rotate a skewed page upright before recognition. Default: off."]
    detection_batch_size: Annotated[int, "Pages detected in one batch. Default: 2."]
    recognition_batch_size: Annotated[int, "Word crops per recognition forward. Default: 128."]
    disable_page_orientation: Annotated[bool, "Skip the page orientation classifier. Default: off."]
    disable_text_orientation: Annotated[bool, "Skip the crop orientation classifier. Default: off."]
    binary_threshold: Annotated[float, "Pixel threshold of the detection heat map, 0 to 1. Default: 0.1."]
    box_threshold: Annotated[float, "Minimum score of a kept box, 0 to 1. Default: 0.1."]
    group_lines: Annotated[bool, "Group words into lines. Default: on."]
    group_blocks: Annotated[bool, "Group lines into blocks. Default: off."]
    paragraph_break: Annotated[
        float,
        "Distance, as a fraction of the page width, above which a line or a paragraph is split. "
        "Default: 0.0035.",
    ]
    pages: Annotated[
        str, 'Pages to read of every multi-page document: "1-3,7", "5-" to the end. Default: all pages.'
    ]
    tiling: Annotated[
        str, "Look at pages too long or large for the detection model in parts: auto or off. Default: auto."
    ]
    detect_layout: Annotated[bool, "Report the page's regions: titles, text, pictures, tables. Default: off."]
    layout_model: Annotated[str, "Layout model, named as the detection model is. Default: lw_detr_s."]
    detect_tables: Annotated[bool, "Find the page's tables and what stands in each cell. Default: off."]
    table_model: Annotated[
        str, "Table structure model, named as the detection model is. Default: tablecenternet."
    ]
    ignore_regions: Annotated[
        list[str],
        "A kind of regions whose words are not looked for, such as Picture; may be given several times. "
        "Default: none.",
    ]
    reading_order: Annotated[
        str, "auto: column by column, as a person would read; off: as docTR finds it. Default: off."
    ]
    preserve_original_coords: Annotated[
        bool, "Give boxes and dimensions of the page as it came, not of the straightened one. Default: off."
    ]
    export_as_straight_boxes: Annotated[
        bool,
        "Give boxes of 4 numbers around the polygons that are found with assume_straight_pages off. Default: off.",
    ]
    allowed_characters: Annotated[
        str, "The only characters that may be read. Default: all that the model knows."
    ]


def _options() -> dict[str, tuple[Any, str]]:
    """Name -> (type, help) of every option, read from :class:`OCROptions`."""
    hints = get_type_hints(OCROptions, include_extras=True)
    return {name: get_args(hint)[:2] for name, hint in hints.items() if get_origin(hint) is Annotated}


OPTIONS: Mapping[str, tuple[Any, str]] = _options()
"""Type and description of every option, by name."""

_ACCEPTED: Mapping[type, type] = {bool: bool, int: numbers.Integral, float: numbers.Real, str: str}


def _check(name: str, value: Any, names: Collection[str]) -> Any:
    """``value`` as the option's own type; TypeError names what the option takes."""
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"the options are {', '.join(names)}"
        raise TypeError(f"unknown option '{name}': {hint}")
    kind = OPTIONS[name][0]
    if kind == list[str]:
        return _check_texts(name, value)
    # bool is an int to Python, and protobuf would take True for a batch size of 1.
    if not isinstance(value, _ACCEPTED[kind]) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"option '{name}' takes {kind.__name__}, not {type(value).__name__} ({value!r})")
    return kind(value)


def _check_texts(name: str, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"option '{name}' takes several str, not {type(value).__name__} ({value!r})")
    texts = list(value)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"option '{name}' takes several str, not one of {type(text).__name__} ({text!r})")
    return texts


def options_of(kind: type[Message]) -> list[str]:
    """Names of the options that requests of a kind have."""
    return [name for name in OPTIONS if name in kind.DESCRIPTOR.fields_by_name]


def to_request(options: Mapping[str, Any]) -> ocr_pb2.OCRRequest:
    """A request with these options set and no document; see :func:`with_options`."""
    return with_options(ocr_pb2.OCRRequest(), options)


def with_options(request: Request, options: Mapping[str, Any]) -> Request:
    """Sets options of a request, and returns it.

    Args:
        request: an empty one, whose kind says which options there are.
        options: option name -> value; see :class:`OCROptions`.

    Raises:
        TypeError: an unknown option, or a value of another type than the option's.
        ValueError: a whole number that does not fit the wire's 32 bits.
    """
    _set(request, options)
    return request


def check_options(kind: type[Message], options: Mapping[str, Any]) -> None:
    """Returns where requests of a kind may have these options; raises as :func:`with_options`."""
    _set(kind(), options)


def _set(request: Message, options: Mapping[str, Any]) -> None:
    names = options_of(type(request))
    for name, value in options.items():
        checked = _check(name, value, names)
        if isinstance(checked, list):
            getattr(request, name).extend(checked)
            continue
        try:
            setattr(request, name, checked)
        except ValueError as error:
            raise ValueError(f"option '{name}': {value!r} is out of range") from error

from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelTask(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_TASK_UNSPECIFIED: _ClassVar[ModelTask]
    MODEL_TASK_DETECTION: _ClassVar[ModelTask]
    MODEL_TASK_RECOGNITION: _ClassVar[ModelTask]
    MODEL_TASK_PAGE_ORIENTATION: _ClassVar[ModelTask]
    MODEL_TASK_TEXT_ORIENTATION: _ClassVar[ModelTask]

class WeightsSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEIGHTS_SOURCE_UNSPECIFIED: _ClassVar[WeightsSource]
    WEIGHTS_SOURCE_DOCTR: _ClassVar[WeightsSource]
    WEIGHTS_SOURCE_BUNDLED: _ClassVar[WeightsSource]
    WEIGHTS_SOURCE_HUB: _ClassVar[WeightsSource]
MODEL_TASK_UNSPECIFIED: ModelTask
MODEL_TASK_DETECTION: ModelTask
MODEL_TASK_RECOGNITION: ModelTask
MODEL_TASK_PAGE_ORIENTATION: ModelTask
MODEL_TASK_TEXT_ORIENTATION: ModelTask
WEIGHTS_SOURCE_UNSPECIFIED: WeightsSource
WEIGHTS_SOURCE_DOCTR: WeightsSource
WEIGHTS_SOURCE_BUNDLED: WeightsSource
WEIGHTS_SOURCE_HUB: WeightsSource

class OCRRequest(_message.Message):
    __slots__ = ("detection_model", "recognition_model", "assume_straight_pages", "preserve_aspect_ratio", "detect_orientation", "detect_language", "symmetric_padding", "straighten_pages", "detection_batch_size", "recognition_batch_size", "disable_page_orientation", "disable_text_orientation", "binary_threshold", "box_threshold", "group_lines", "group_blocks", "paragraph_break", "pages", "tiling", "preserve_original_coords", "export_as_straight_boxes", "allowed_characters", "documents", "body")
    DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    ASSUME_STRAIGHT_PAGES_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_ASPECT_RATIO_FIELD_NUMBER: _ClassVar[int]
    DETECT_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    DETECT_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    SYMMETRIC_PADDING_FIELD_NUMBER: _ClassVar[int]
    STRAIGHTEN_PAGES_FIELD_NUMBER: _ClassVar[int]
    DETECTION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    DISABLE_PAGE_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    DISABLE_TEXT_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    BINARY_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BOX_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_LINES_FIELD_NUMBER: _ClassVar[int]
    GROUP_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    PARAGRAPH_BREAK_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    TILING_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_ORIGINAL_COORDS_FIELD_NUMBER: _ClassVar[int]
    EXPORT_AS_STRAIGHT_BOXES_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    detection_model: str
    recognition_model: str
    assume_straight_pages: bool
    preserve_aspect_ratio: bool
    detect_orientation: bool
    detect_language: bool
    symmetric_padding: bool
    straighten_pages: bool
    detection_batch_size: int
    recognition_batch_size: int
    disable_page_orientation: bool
    disable_text_orientation: bool
    binary_threshold: float
    box_threshold: float
    group_lines: bool
    group_blocks: bool
    paragraph_break: float
    pages: str
    tiling: str
    preserve_original_coords: bool
    export_as_straight_boxes: bool
    allowed_characters: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, detection_model: _Optional[str] = ..., recognition_model: _Optional[str] = ..., assume_straight_pages: _Optional[bool] = ..., preserve_aspect_ratio: _Optional[bool] = ..., detect_orientation: _Optional[bool] = ..., detect_language: _Optional[bool] = ..., symmetric_padding: _Optional[bool] = ..., straighten_pages: _Optional[bool] = ..., detection_batch_size: _Optional[int] = ..., recognition_batch_size: _Optional[int] = ..., disable_page_orientation: _Optional[bool] = ..., disable_text_orientation: _Optional[bool] = ..., binary_threshold: _Optional[float] = ..., box_threshold: _Optional[float] = ..., group_lines: _Optional[bool] = ..., group_blocks: _Optional[bool] = ..., paragraph_break: _Optional[float] = ..., pages: _Optional[str] = ..., tiling: _Optional[str] = ..., preserve_original_coords: _Optional[bool] = ..., export_as_straight_boxes: _Optional[bool] = ..., allowed_characters: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class DetectTextRequest(_message.Message):
    __slots__ = ("detection_model", "assume_straight_pages", "preserve_aspect_ratio", "symmetric_padding", "detection_batch_size", "binary_threshold", "box_threshold", "pages", "tiling", "documents", "body")
    DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    ASSUME_STRAIGHT_PAGES_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_ASPECT_RATIO_FIELD_NUMBER: _ClassVar[int]
    SYMMETRIC_PADDING_FIELD_NUMBER: _ClassVar[int]
    DETECTION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    BINARY_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BOX_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    TILING_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    detection_model: str
    assume_straight_pages: bool
    preserve_aspect_ratio: bool
    symmetric_padding: bool
    detection_batch_size: int
    binary_threshold: float
    box_threshold: float
    pages: str
    tiling: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, detection_model: _Optional[str] = ..., assume_straight_pages: _Optional[bool] = ..., preserve_aspect_ratio: _Optional[bool] = ..., symmetric_padding: _Optional[bool] = ..., detection_batch_size: _Optional[int] = ..., binary_threshold: _Optional[float] = ..., box_threshold: _Optional[float] = ..., pages: _Optional[str] = ..., tiling: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class DetectTextResponse(_message.Message):
    __slots__ = ("name", "bounding_boxes", "detection_scores", "dimensions", "page_number", "page_count", "models", "error", "warnings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BOUNDING_BOXES_FIELD_NUMBER: _ClassVar[int]
    DETECTION_SCORES_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    bounding_boxes: _containers.RepeatedCompositeFieldContainer[_struct_pb2.ListValue]
    detection_scores: _containers.RepeatedScalarFieldContainer[float]
    dimensions: _containers.RepeatedScalarFieldContainer[int]
    page_number: int
    page_count: int
    models: Models
    error: _status_pb2.Status
    warnings: _containers.RepeatedCompositeFieldContainer[PageWarning]
    def __init__(self, name: _Optional[str] = ..., bounding_boxes: _Optional[_Iterable[_Union[_struct_pb2.ListValue, _Mapping]]] = ..., detection_scores: _Optional[_Iterable[float]] = ..., dimensions: _Optional[_Iterable[int]] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ...) -> None: ...

class RecognizeTextRequest(_message.Message):
    __slots__ = ("recognition_model", "recognition_batch_size", "pages", "allowed_characters", "documents", "body")
    RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    recognition_model: str
    recognition_batch_size: int
    pages: str
    allowed_characters: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, recognition_model: _Optional[str] = ..., recognition_batch_size: _Optional[int] = ..., pages: _Optional[str] = ..., allowed_characters: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class RecognizeTextResponse(_message.Message):
    __slots__ = ("name", "value", "confidence", "page_number", "page_count", "models", "error", "warnings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    confidence: float
    page_number: int
    page_count: int
    models: Models
    error: _status_pb2.Status
    warnings: _containers.RepeatedCompositeFieldContainer[PageWarning]
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., confidence: _Optional[float] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ...) -> None: ...

class ExtractFieldsRequest(_message.Message):
    __slots__ = ("detection_model", "recognition_model", "assume_straight_pages", "preserve_aspect_ratio", "detect_orientation", "detect_language", "symmetric_padding", "straighten_pages", "detection_batch_size", "recognition_batch_size", "disable_page_orientation", "disable_text_orientation", "binary_threshold", "box_threshold", "pages", "tiling", "preserve_original_coords", "export_as_straight_boxes", "allowed_characters", "documents", "body")
    DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    ASSUME_STRAIGHT_PAGES_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_ASPECT_RATIO_FIELD_NUMBER: _ClassVar[int]
    DETECT_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    DETECT_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    SYMMETRIC_PADDING_FIELD_NUMBER: _ClassVar[int]
    STRAIGHTEN_PAGES_FIELD_NUMBER: _ClassVar[int]
    DETECTION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    DISABLE_PAGE_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    DISABLE_TEXT_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    BINARY_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BOX_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    TILING_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_ORIGINAL_COORDS_FIELD_NUMBER: _ClassVar[int]
    EXPORT_AS_STRAIGHT_BOXES_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    detection_model: str
    recognition_model: str
    assume_straight_pages: bool
    preserve_aspect_ratio: bool
    detect_orientation: bool
    detect_language: bool
    symmetric_padding: bool
    straighten_pages: bool
    detection_batch_size: int
    recognition_batch_size: int
    disable_page_orientation: bool
    disable_text_orientation: bool
    binary_threshold: float
    box_threshold: float
    pages: str
    tiling: str
    preserve_original_coords: bool
    export_as_straight_boxes: bool
    allowed_characters: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, detection_model: _Optional[str] = ..., recognition_model: _Optional[str] = ..., assume_straight_pages: _Optional[bool] = ..., preserve_aspect_ratio: _Optional[bool] = ..., detect_orientation: _Optional[bool] = ..., detect_language: _Optional[bool] = ..., symmetric_padding: _Optional[bool] = ..., straighten_pages: _Optional[bool] = ..., detection_batch_size: _Optional[int] = ..., recognition_batch_size: _Optional[int] = ..., disable_page_orientation: _Optional[bool] = ..., disable_text_orientation: _Optional[bool] = ..., binary_threshold: _Optional[float] = ..., box_threshold: _Optional[float] = ..., pages: _Optional[str] = ..., tiling: _Optional[str] = ..., preserve_original_coords: _Optional[bool] = ..., export_as_straight_boxes: _Optional[bool] = ..., allowed_characters: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class ExtractFieldsResponse(_message.Message):
    __slots__ = ("name", "orientation", "language", "dimensions", "extracted_fields", "page_number", "page_count", "models", "error", "warnings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    EXTRACTED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    orientation: Orientation
    language: Language
    dimensions: _containers.RepeatedScalarFieldContainer[int]
    extracted_fields: _containers.RepeatedCompositeFieldContainer[Field]
    page_number: int
    page_count: int
    models: Models
    error: _status_pb2.Status
    warnings: _containers.RepeatedCompositeFieldContainer[PageWarning]
    def __init__(self, name: _Optional[str] = ..., orientation: _Optional[_Union[Orientation, _Mapping]] = ..., language: _Optional[_Union[Language, _Mapping]] = ..., dimensions: _Optional[_Iterable[int]] = ..., extracted_fields: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("field_type", "values")
    FIELD_TYPE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field_type: str
    values: _containers.RepeatedCompositeFieldContainer[Word]
    def __init__(self, field_type: _Optional[str] = ..., values: _Optional[_Iterable[_Union[Word, _Mapping]]] = ...) -> None: ...

class Document(_message.Message):
    __slots__ = ("name", "content", "content_type", "pdf_password", "continued")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    PDF_PASSWORD_FIELD_NUMBER: _ClassVar[int]
    CONTINUED_FIELD_NUMBER: _ClassVar[int]
    name: str
    content: bytes
    content_type: str
    pdf_password: str
    continued: bool
    def __init__(self, name: _Optional[str] = ..., content: _Optional[bytes] = ..., content_type: _Optional[str] = ..., pdf_password: _Optional[str] = ..., continued: _Optional[bool] = ...) -> None: ...

class PageResult(_message.Message):
    __slots__ = ("name", "orientation", "language", "dimensions", "pages", "page_number", "page_count", "models", "error", "warnings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    orientation: Orientation
    language: Language
    dimensions: _containers.RepeatedScalarFieldContainer[int]
    pages: _containers.RepeatedCompositeFieldContainer[Page]
    page_number: int
    page_count: int
    models: Models
    error: _status_pb2.Status
    warnings: _containers.RepeatedCompositeFieldContainer[PageWarning]
    def __init__(self, name: _Optional[str] = ..., orientation: _Optional[_Union[Orientation, _Mapping]] = ..., language: _Optional[_Union[Language, _Mapping]] = ..., dimensions: _Optional[_Iterable[int]] = ..., pages: _Optional[_Iterable[_Union[Page, _Mapping]]] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ...) -> None: ...

class PageWarning(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class OCRResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[PageResult]
    def __init__(self, results: _Optional[_Iterable[_Union[PageResult, _Mapping]]] = ...) -> None: ...

class Page(_message.Message):
    __slots__ = ("blocks",)
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    def __init__(self, blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("geometry", "detection_score", "lines")
    GEOMETRY_FIELD_NUMBER: _ClassVar[int]
    DETECTION_SCORE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    geometry: _containers.RepeatedScalarFieldContainer[float]
    detection_score: float
    lines: _containers.RepeatedCompositeFieldContainer[Line]
    def __init__(self, geometry: _Optional[_Iterable[float]] = ..., detection_score: _Optional[float] = ..., lines: _Optional[_Iterable[_Union[Line, _Mapping]]] = ...) -> None: ...

class Line(_message.Message):
    __slots__ = ("geometry", "detection_score", "words")
    GEOMETRY_FIELD_NUMBER: _ClassVar[int]
    DETECTION_SCORE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    geometry: _containers.RepeatedScalarFieldContainer[float]
    detection_score: float
    words: _containers.RepeatedCompositeFieldContainer[Word]
    def __init__(self, geometry: _Optional[_Iterable[float]] = ..., detection_score: _Optional[float] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("value", "geometry", "detection_score", "confidence", "text_orientation")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    GEOMETRY_FIELD_NUMBER: _ClassVar[int]
    DETECTION_SCORE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    value: str
    geometry: _containers.RepeatedScalarFieldContainer[float]
    detection_score: float
    confidence: float
    text_orientation: Orientation
    def __init__(self, value: _Optional[str] = ..., geometry: _Optional[_Iterable[float]] = ..., detection_score: _Optional[float] = ..., confidence: _Optional[float] = ..., text_orientation: _Optional[_Union[Orientation, _Mapping]] = ...) -> None: ...

class Orientation(_message.Message):
    __slots__ = ("value", "confidence")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    value: int
    confidence: float
    def __init__(self, value: _Optional[int] = ..., confidence: _Optional[float] = ...) -> None: ...

class Language(_message.Message):
    __slots__ = ("value", "confidence")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    value: str
    confidence: float
    def __init__(self, value: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class Models(_message.Message):
    __slots__ = ("detection_model", "recognition_model", "page_orientation_model", "text_orientation_model")
    DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_ORIENTATION_MODEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_ORIENTATION_MODEL_FIELD_NUMBER: _ClassVar[int]
    detection_model: str
    recognition_model: str
    page_orientation_model: str
    text_orientation_model: str
    def __init__(self, detection_model: _Optional[str] = ..., recognition_model: _Optional[str] = ..., page_orientation_model: _Optional[str] = ..., text_orientation_model: _Optional[str] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models", "default_detection_model", "default_recognition_model")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    default_detection_model: str
    default_recognition_model: str
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ..., default_detection_model: _Optional[str] = ..., default_recognition_model: _Optional[str] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "task", "architecture", "source", "available", "loaded")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: ModelTask
    architecture: str
    source: WeightsSource
    available: bool
    loaded: bool
    def __init__(self, name: _Optional[str] = ..., task: _Optional[_Union[ModelTask, str]] = ..., architecture: _Optional[str] = ..., source: _Optional[_Union[WeightsSource, str]] = ..., available: _Optional[bool] = ..., loaded: _Optional[bool] = ...) -> None: ...

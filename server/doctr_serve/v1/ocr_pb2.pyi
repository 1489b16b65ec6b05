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
    MODEL_TASK_LAYOUT: _ClassVar[ModelTask]
    MODEL_TASK_TABLE_STRUCTURE: _ClassVar[ModelTask]

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
MODEL_TASK_LAYOUT: ModelTask
MODEL_TASK_TABLE_STRUCTURE: ModelTask
WEIGHTS_SOURCE_UNSPECIFIED: WeightsSource
WEIGHTS_SOURCE_DOCTR: WeightsSource
WEIGHTS_SOURCE_BUNDLED: WeightsSource
WEIGHTS_SOURCE_HUB: WeightsSource

class OCRRequest(_message.Message):
    __slots__ = ("detection_model", "recognition_model", "assume_straight_pages", "preserve_aspect_ratio", "detect_orientation", "detect_language", "symmetric_padding", "straighten_pages", "detection_batch_size", "recognition_batch_size", "disable_page_orientation", "disable_text_orientation", "binary_threshold", "box_threshold", "group_lines", "group_blocks", "paragraph_break", "pages", "tiling", "detect_layout", "layout_model", "detect_tables", "table_model", "ignore_regions", "reading_order", "preserve_original_coords", "export_as_straight_boxes", "allowed_characters", "documents", "body")
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
    DETECT_LAYOUT_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_MODEL_FIELD_NUMBER: _ClassVar[int]
    DETECT_TABLES_FIELD_NUMBER: _ClassVar[int]
    TABLE_MODEL_FIELD_NUMBER: _ClassVar[int]
    IGNORE_REGIONS_FIELD_NUMBER: _ClassVar[int]
    READING_ORDER_FIELD_NUMBER: _ClassVar[int]
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
    detect_layout: bool
    layout_model: str
    detect_tables: bool
    table_model: str
    ignore_regions: _containers.RepeatedScalarFieldContainer[str]
    reading_order: str
    preserve_original_coords: bool
    export_as_straight_boxes: bool
    allowed_characters: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, detection_model: _Optional[str] = ..., recognition_model: _Optional[str] = ..., assume_straight_pages: _Optional[bool] = ..., preserve_aspect_ratio: _Optional[bool] = ..., detect_orientation: _Optional[bool] = ..., detect_language: _Optional[bool] = ..., symmetric_padding: _Optional[bool] = ..., straighten_pages: _Optional[bool] = ..., detection_batch_size: _Optional[int] = ..., recognition_batch_size: _Optional[int] = ..., disable_page_orientation: _Optional[bool] = ..., disable_text_orientation: _Optional[bool] = ..., binary_threshold: _Optional[float] = ..., box_threshold: _Optional[float] = ..., group_lines: _Optional[bool] = ..., group_blocks: _Optional[bool] = ..., paragraph_break: _Optional[float] = ..., pages: _Optional[str] = ..., tiling: _Optional[str] = ..., detect_layout: _Optional[bool] = ..., layout_model: _Optional[str] = ..., detect_tables: _Optional[bool] = ..., table_model: _Optional[str] = ..., ignore_regions: _Optional[_Iterable[str]] = ..., reading_order: _Optional[str] = ..., preserve_original_coords: _Optional[bool] = ..., export_as_straight_boxes: _Optional[bool] = ..., allowed_characters: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("detection_model", "recognition_model", "assume_straight_pages", "preserve_aspect_ratio", "detect_orientation", "detect_language", "symmetric_padding", "straighten_pages", "detection_batch_size", "recognition_batch_size", "disable_page_orientation", "disable_text_orientation", "binary_threshold", "box_threshold", "pages", "tiling", "detect_layout", "layout_model", "detect_tables", "table_model", "ignore_regions", "reading_order", "preserve_original_coords", "export_as_straight_boxes", "allowed_characters", "documents", "body")
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
    DETECT_LAYOUT_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_MODEL_FIELD_NUMBER: _ClassVar[int]
    DETECT_TABLES_FIELD_NUMBER: _ClassVar[int]
    TABLE_MODEL_FIELD_NUMBER: _ClassVar[int]
    IGNORE_REGIONS_FIELD_NUMBER: _ClassVar[int]
    READING_ORDER_FIELD_NUMBER: _ClassVar[int]
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
    detect_layout: bool
    layout_model: str
    detect_tables: bool
    table_model: str
    ignore_regions: _containers.RepeatedScalarFieldContainer[str]
    reading_order: str
    preserve_original_coords: bool
    export_as_straight_boxes: bool
    allowed_characters: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, detection_model: _Optional[str] = ..., recognition_model: _Optional[str] = ..., assume_straight_pages: _Optional[bool] = ..., preserve_aspect_ratio: _Optional[bool] = ..., detect_orientation: _Optional[bool] = ..., detect_language: _Optional[bool] = ..., symmetric_padding: _Optional[bool] = ..., straighten_pages: _Optional[bool] = ..., detection_batch_size: _Optional[int] = ..., recognition_batch_size: _Optional[int] = ..., disable_page_orientation: _Optional[bool] = ..., disable_text_orientation: _Optional[bool] = ..., binary_threshold: _Optional[float] = ..., box_threshold: _Optional[float] = ..., pages: _Optional[str] = ..., tiling: _Optional[str] = ..., detect_layout: _Optional[bool] = ..., layout_model: _Optional[str] = ..., detect_tables: _Optional[bool] = ..., table_model: _Optional[str] = ..., ignore_regions: _Optional[_Iterable[str]] = ..., reading_order: _Optional[str] = ..., preserve_original_coords: _Optional[bool] = ..., export_as_straight_boxes: _Optional[bool] = ..., allowed_characters: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class ExtractFieldsResponse(_message.Message):
    __slots__ = ("name", "orientation", "language", "dimensions", "extracted_fields", "page_number", "page_count", "models", "error", "warnings", "layout", "tables")
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
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
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
    layout: _containers.RepeatedCompositeFieldContainer[LayoutElement]
    tables: _containers.RepeatedCompositeFieldContainer[Table]
    def __init__(self, name: _Optional[str] = ..., orientation: _Optional[_Union[Orientation, _Mapping]] = ..., language: _Optional[_Union[Language, _Mapping]] = ..., dimensions: _Optional[_Iterable[int]] = ..., extracted_fields: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ..., layout: _Optional[_Iterable[_Union[LayoutElement, _Mapping]]] = ..., tables: _Optional[_Iterable[_Union[Table, _Mapping]]] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("field_type", "values")
    FIELD_TYPE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field_type: str
    values: _containers.RepeatedCompositeFieldContainer[Word]
    def __init__(self, field_type: _Optional[str] = ..., values: _Optional[_Iterable[_Union[Word, _Mapping]]] = ...) -> None: ...

class DetectLayoutRequest(_message.Message):
    __slots__ = ("assume_straight_pages", "preserve_aspect_ratio", "symmetric_padding", "detection_batch_size", "pages", "layout_model", "documents", "body")
    ASSUME_STRAIGHT_PAGES_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_ASPECT_RATIO_FIELD_NUMBER: _ClassVar[int]
    SYMMETRIC_PADDING_FIELD_NUMBER: _ClassVar[int]
    DETECTION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_MODEL_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    assume_straight_pages: bool
    preserve_aspect_ratio: bool
    symmetric_padding: bool
    detection_batch_size: int
    pages: str
    layout_model: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, assume_straight_pages: _Optional[bool] = ..., preserve_aspect_ratio: _Optional[bool] = ..., symmetric_padding: _Optional[bool] = ..., detection_batch_size: _Optional[int] = ..., pages: _Optional[str] = ..., layout_model: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class DetectLayoutResponse(_message.Message):
    __slots__ = ("name", "layout", "dimensions", "page_number", "page_count", "models", "error", "warnings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    layout: _containers.RepeatedCompositeFieldContainer[LayoutElement]
    dimensions: _containers.RepeatedScalarFieldContainer[int]
    page_number: int
    page_count: int
    models: Models
    error: _status_pb2.Status
    warnings: _containers.RepeatedCompositeFieldContainer[PageWarning]
    def __init__(self, name: _Optional[str] = ..., layout: _Optional[_Iterable[_Union[LayoutElement, _Mapping]]] = ..., dimensions: _Optional[_Iterable[int]] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ...) -> None: ...

class ExtractTablesRequest(_message.Message):
    __slots__ = ("detection_model", "recognition_model", "assume_straight_pages", "preserve_aspect_ratio", "symmetric_padding", "straighten_pages", "detection_batch_size", "recognition_batch_size", "disable_page_orientation", "disable_text_orientation", "binary_threshold", "box_threshold", "pages", "tiling", "layout_model", "table_model", "allowed_characters", "documents", "body")
    DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    ASSUME_STRAIGHT_PAGES_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_ASPECT_RATIO_FIELD_NUMBER: _ClassVar[int]
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
    LAYOUT_MODEL_FIELD_NUMBER: _ClassVar[int]
    TABLE_MODEL_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    detection_model: str
    recognition_model: str
    assume_straight_pages: bool
    preserve_aspect_ratio: bool
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
    layout_model: str
    table_model: str
    allowed_characters: str
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    body: _httpbody_pb2.HttpBody
    def __init__(self, detection_model: _Optional[str] = ..., recognition_model: _Optional[str] = ..., assume_straight_pages: _Optional[bool] = ..., preserve_aspect_ratio: _Optional[bool] = ..., symmetric_padding: _Optional[bool] = ..., straighten_pages: _Optional[bool] = ..., detection_batch_size: _Optional[int] = ..., recognition_batch_size: _Optional[int] = ..., disable_page_orientation: _Optional[bool] = ..., disable_text_orientation: _Optional[bool] = ..., binary_threshold: _Optional[float] = ..., box_threshold: _Optional[float] = ..., pages: _Optional[str] = ..., tiling: _Optional[str] = ..., layout_model: _Optional[str] = ..., table_model: _Optional[str] = ..., allowed_characters: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class ExtractTablesResponse(_message.Message):
    __slots__ = ("name", "tables", "dimensions", "page_number", "page_count", "models", "error", "warnings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    tables: _containers.RepeatedCompositeFieldContainer[Table]
    dimensions: _containers.RepeatedScalarFieldContainer[int]
    page_number: int
    page_count: int
    models: Models
    error: _status_pb2.Status
    warnings: _containers.RepeatedCompositeFieldContainer[PageWarning]
    def __init__(self, name: _Optional[str] = ..., tables: _Optional[_Iterable[_Union[Table, _Mapping]]] = ..., dimensions: _Optional[_Iterable[int]] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ...) -> None: ...

class LayoutElement(_message.Message):
    __slots__ = ("type", "geometry", "confidence")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    GEOMETRY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    type: str
    geometry: _containers.RepeatedScalarFieldContainer[float]
    confidence: float
    def __init__(self, type: _Optional[str] = ..., geometry: _Optional[_Iterable[float]] = ..., confidence: _Optional[float] = ...) -> None: ...

class Table(_message.Message):
    __slots__ = ("num_rows", "num_cols", "geometry", "confidence", "cells")
    NUM_ROWS_FIELD_NUMBER: _ClassVar[int]
    NUM_COLS_FIELD_NUMBER: _ClassVar[int]
    GEOMETRY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    num_rows: int
    num_cols: int
    geometry: _containers.RepeatedScalarFieldContainer[float]
    confidence: float
    cells: _containers.RepeatedCompositeFieldContainer[TableCell]
    def __init__(self, num_rows: _Optional[int] = ..., num_cols: _Optional[int] = ..., geometry: _Optional[_Iterable[float]] = ..., confidence: _Optional[float] = ..., cells: _Optional[_Iterable[_Union[TableCell, _Mapping]]] = ...) -> None: ...

class TableCell(_message.Message):
    __slots__ = ("value", "geometry", "confidence", "row_start", "row_end", "col_start", "col_end")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    GEOMETRY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ROW_START_FIELD_NUMBER: _ClassVar[int]
    ROW_END_FIELD_NUMBER: _ClassVar[int]
    COL_START_FIELD_NUMBER: _ClassVar[int]
    COL_END_FIELD_NUMBER: _ClassVar[int]
    value: str
    geometry: _containers.RepeatedScalarFieldContainer[float]
    confidence: float
    row_start: int
    row_end: int
    col_start: int
    col_end: int
    def __init__(self, value: _Optional[str] = ..., geometry: _Optional[_Iterable[float]] = ..., confidence: _Optional[float] = ..., row_start: _Optional[int] = ..., row_end: _Optional[int] = ..., col_start: _Optional[int] = ..., col_end: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("name", "orientation", "language", "dimensions", "pages", "page_number", "page_count", "models", "error", "warnings", "layout", "tables")
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
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
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
    layout: _containers.RepeatedCompositeFieldContainer[LayoutElement]
    tables: _containers.RepeatedCompositeFieldContainer[Table]
    def __init__(self, name: _Optional[str] = ..., orientation: _Optional[_Union[Orientation, _Mapping]] = ..., language: _Optional[_Union[Language, _Mapping]] = ..., dimensions: _Optional[_Iterable[int]] = ..., pages: _Optional[_Iterable[_Union[Page, _Mapping]]] = ..., page_number: _Optional[int] = ..., page_count: _Optional[int] = ..., models: _Optional[_Union[Models, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[PageWarning, _Mapping]]] = ..., layout: _Optional[_Iterable[_Union[LayoutElement, _Mapping]]] = ..., tables: _Optional[_Iterable[_Union[Table, _Mapping]]] = ...) -> None: ...

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
    __slots__ = ("detection_model", "recognition_model", "page_orientation_model", "text_orientation_model", "layout_model", "table_model")
    DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_ORIENTATION_MODEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_ORIENTATION_MODEL_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_MODEL_FIELD_NUMBER: _ClassVar[int]
    TABLE_MODEL_FIELD_NUMBER: _ClassVar[int]
    detection_model: str
    recognition_model: str
    page_orientation_model: str
    text_orientation_model: str
    layout_model: str
    table_model: str
    def __init__(self, detection_model: _Optional[str] = ..., recognition_model: _Optional[str] = ..., page_orientation_model: _Optional[str] = ..., text_orientation_model: _Optional[str] = ..., layout_model: _Optional[str] = ..., table_model: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("name", "task", "architecture", "source", "available", "loaded", "vocabulary", "license", "runtime", "precision", "input_height_pixels", "input_width_pixels")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    LICENSE_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    INPUT_HEIGHT_PIXELS_FIELD_NUMBER: _ClassVar[int]
    INPUT_WIDTH_PIXELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: ModelTask
    architecture: str
    source: WeightsSource
    available: bool
    loaded: bool
    vocabulary: Vocabulary
    license: License
    runtime: str
    precision: str
    input_height_pixels: int
    input_width_pixels: int
    def __init__(self, name: _Optional[str] = ..., task: _Optional[_Union[ModelTask, str]] = ..., architecture: _Optional[str] = ..., source: _Optional[_Union[WeightsSource, str]] = ..., available: _Optional[bool] = ..., loaded: _Optional[bool] = ..., vocabulary: _Optional[_Union[Vocabulary, _Mapping]] = ..., license: _Optional[_Union[License, _Mapping]] = ..., runtime: _Optional[str] = ..., precision: _Optional[str] = ..., input_height_pixels: _Optional[int] = ..., input_width_pixels: _Optional[int] = ...) -> None: ...

class Vocabulary(_message.Message):
    __slots__ = ("name", "size", "scripts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SCRIPTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    size: int
    scripts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., size: _Optional[int] = ..., scripts: _Optional[_Iterable[str]] = ...) -> None: ...

class License(_message.Message):
    __slots__ = ("spdx_id", "source")
    SPDX_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    spdx_id: str
    source: str
    def __init__(self, spdx_id: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...

class GetLimitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetLimitsResponse(_message.Message):
    __slots__ = ("server_version", "doctr_version", "limits", "formats", "default_detection_model", "default_recognition_model", "allow_hub_models", "download_on_demand", "reflection")
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    DOCTR_VERSION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    FORMATS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_DETECTION_MODEL_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_RECOGNITION_MODEL_FIELD_NUMBER: _ClassVar[int]
    ALLOW_HUB_MODELS_FIELD_NUMBER: _ClassVar[int]
    DOWNLOAD_ON_DEMAND_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_FIELD_NUMBER: _ClassVar[int]
    server_version: str
    doctr_version: str
    limits: Limits
    formats: _containers.RepeatedCompositeFieldContainer[FileFormat]
    default_detection_model: str
    default_recognition_model: str
    allow_hub_models: bool
    download_on_demand: bool
    reflection: bool
    def __init__(self, server_version: _Optional[str] = ..., doctr_version: _Optional[str] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., formats: _Optional[_Iterable[_Union[FileFormat, _Mapping]]] = ..., default_detection_model: _Optional[str] = ..., default_recognition_model: _Optional[str] = ..., allow_hub_models: _Optional[bool] = ..., download_on_demand: _Optional[bool] = ..., reflection: _Optional[bool] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_request_bytes", "max_message_bytes", "max_documents", "max_pages", "max_page_pixels", "max_page_side_pixels", "max_page_aspect_ratio", "max_scan_pixels", "max_words_per_page", "max_detection_batch_size", "max_recognition_batch_size", "max_name_characters", "max_pdf_password_bytes", "max_model_name_characters", "max_pages_characters", "max_concurrent_requests", "max_queued_requests", "max_uploads", "request_timeout_s", "upload_idle_timeout_s", "min_upload_bytes_per_s", "send_timeout_s", "page_decode_timeout_s", "max_tables_per_page", "max_json_bytes", "max_allowed_characters", "max_ignored_regions")
    MAX_REQUEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGES_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGE_SIDE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGE_ASPECT_RATIO_FIELD_NUMBER: _ClassVar[int]
    MAX_SCAN_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_WORDS_PER_PAGE_FIELD_NUMBER: _ClassVar[int]
    MAX_DETECTION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_RECOGNITION_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_NAME_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    MAX_PDF_PASSWORD_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_MODEL_NAME_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGES_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    MAX_CONCURRENT_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    MAX_UPLOADS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_IDLE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    MIN_UPLOAD_BYTES_PER_S_FIELD_NUMBER: _ClassVar[int]
    SEND_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    PAGE_DECODE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    MAX_TABLES_PER_PAGE_FIELD_NUMBER: _ClassVar[int]
    MAX_JSON_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ALLOWED_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    MAX_IGNORED_REGIONS_FIELD_NUMBER: _ClassVar[int]
    max_request_bytes: int
    max_message_bytes: int
    max_documents: int
    max_pages: int
    max_page_pixels: int
    max_page_side_pixels: int
    max_page_aspect_ratio: float
    max_scan_pixels: int
    max_words_per_page: int
    max_detection_batch_size: int
    max_recognition_batch_size: int
    max_name_characters: int
    max_pdf_password_bytes: int
    max_model_name_characters: int
    max_pages_characters: int
    max_concurrent_requests: int
    max_queued_requests: int
    max_uploads: int
    request_timeout_s: float
    upload_idle_timeout_s: float
    min_upload_bytes_per_s: int
    send_timeout_s: float
    page_decode_timeout_s: float
    max_tables_per_page: int
    max_json_bytes: int
    max_allowed_characters: int
    max_ignored_regions: int
    def __init__(self, max_request_bytes: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., max_documents: _Optional[int] = ..., max_pages: _Optional[int] = ..., max_page_pixels: _Optional[int] = ..., max_page_side_pixels: _Optional[int] = ..., max_page_aspect_ratio: _Optional[float] = ..., max_scan_pixels: _Optional[int] = ..., max_words_per_page: _Optional[int] = ..., max_detection_batch_size: _Optional[int] = ..., max_recognition_batch_size: _Optional[int] = ..., max_name_characters: _Optional[int] = ..., max_pdf_password_bytes: _Optional[int] = ..., max_model_name_characters: _Optional[int] = ..., max_pages_characters: _Optional[int] = ..., max_concurrent_requests: _Optional[int] = ..., max_queued_requests: _Optional[int] = ..., max_uploads: _Optional[int] = ..., request_timeout_s: _Optional[float] = ..., upload_idle_timeout_s: _Optional[float] = ..., min_upload_bytes_per_s: _Optional[int] = ..., send_timeout_s: _Optional[float] = ..., page_decode_timeout_s: _Optional[float] = ..., max_tables_per_page: _Optional[int] = ..., max_json_bytes: _Optional[int] = ..., max_allowed_characters: _Optional[int] = ..., max_ignored_regions: _Optional[int] = ...) -> None: ...

class FileFormat(_message.Message):
    __slots__ = ("name", "media_types", "extensions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPES_FIELD_NUMBER: _ClassVar[int]
    EXTENSIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    media_types: _containers.RepeatedScalarFieldContainer[str]
    extensions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., media_types: _Optional[_Iterable[str]] = ..., extensions: _Optional[_Iterable[str]] = ...) -> None: ...

from __future__ import annotations

import json

from doctr_serve.errors import UnreadableDocumentError
from doctr_serve.formats.status import to_status
from doctr_serve.v1 import ocr_pb2
from doctr_serve_client import page_text, to_dict
from google.protobuf import json_format

CONTRACT_ENTRY = {
    "name": "invoice.pdf",
    "orientation": {"value": 0, "confidence": 0.99},
    "language": {"value": "en", "confidence": 0.99},
    "dimensions": [1684, 1190],
    "pages": [
        {
            "blocks": [
                {
                    "geometry": [0.1, 0.1, 0.4, 0.2],
                    "detection_score": 0.93,
                    "lines": [
                        {
                            "geometry": [0.1, 0.1, 0.4, 0.2],
                            "detection_score": 0.93,
                            "words": [
                                {
                                    "value": "Invoice",
                                    "geometry": [0.1, 0.1, 0.2, 0.12],
                                    "detection_score": 0.95,
                                    "confidence": 0.99,
                                    "text_orientation": {"value": 0},
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    ],
}
"""The example of the REST contract."""


def block(*lines):
    return ocr_pb2.Block(
        lines=[ocr_pb2.Line(words=[ocr_pb2.Word(value=word) for word in line.split()]) for line in lines]
    )


def test_text_has_a_line_per_line_and_an_empty_line_between_blocks():
    result = ocr_pb2.PageResult(
        pages=[ocr_pb2.Page(blocks=[block("Dear Sir,", "thank you"), block("Regards")])]
    )

    assert page_text(result) == "Dear Sir,\nthank you\n\nRegards"


def test_a_blank_page_has_no_text():
    assert page_text(ocr_pb2.PageResult(pages=[ocr_pb2.Page()])) == ""


def test_the_contracts_example_survives_the_way_through_the_message():
    result = json_format.ParseDict(CONTRACT_ENTRY, ocr_pb2.PageResult())

    entry = to_dict(result)

    assert entry == CONTRACT_ENTRY | {
        "page_number": 0,
        "page_count": 0,
        "warnings": [],
        "layout": [],
        "tables": [],
    }
    assert json.loads(json.dumps(entry)) == entry


def test_every_field_of_the_contract_is_there_on_a_blank_page():
    result = ocr_pb2.PageResult(
        orientation=ocr_pb2.Orientation(), language=ocr_pb2.Language(), pages=[ocr_pb2.Page()]
    )

    entry = to_dict(result)

    assert entry["orientation"] == entry["language"] == {}
    assert entry["dimensions"] == []
    assert entry["pages"] == [{"blocks": []}]


def test_a_pages_error_has_its_details_in_the_entry():
    result = ocr_pb2.PageResult(
        error=to_status(UnreadableDocumentError("a.pdf", "is damaged", page_number=2))
    )

    error = to_dict(result)["error"]

    assert error["message"] == "'a.pdf', page 2: is damaged"
    assert error["details"][0]["reason"] == "UNREADABLE_DOCUMENT"

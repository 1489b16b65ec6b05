"""Messages and stubs generated from ``protos/doctr_serve/v1/ocr.proto`` (``make protos``)."""

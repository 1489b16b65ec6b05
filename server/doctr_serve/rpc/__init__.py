"""The gRPC service: the only room that imports grpc. A request in, messages out; no OCR happens here."""

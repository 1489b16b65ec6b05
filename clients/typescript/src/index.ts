export * from "./client.js";
export * from "./gen/doctr_serve/v1/ocr_pb.js";

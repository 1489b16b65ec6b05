// A client of doctr-serve: the generated stubs over gRPC, and files sent in pieces.

import { createReadStream } from "node:fs";
import { basename } from "node:path";

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { type OCRRequest, OCRRequestSchema, OCRService, type PageResult } from "./gen/doctr_serve/v1/ocr_pb.js";

/** The service's calls; every message and option is documented on its type. */
export type OCRClient = Client<typeof OCRService>;

/** The options of a request: everything but the documents. An absent one takes the server's default. */
export type OCROptions = Omit<MessageInitShape<typeof OCRRequestSchema>, "$typeName" | "$unknown" | "documents" | "body">;

const PIECE_BYTES = 1024 * 1024;

/**
 * Connects to a server, or to Envoy in front of several; nothing is sent before the first call.
 *
 * @param baseUrl - `http://host:port` for plain text, `https://host:port` for TLS.
 */
export function createOCRClient(baseUrl: string): OCRClient {
  return createClient(OCRService, createGrpcTransport({ baseUrl }));
}

/**
 * Reads files and yields each page as soon as the server has read it.
 *
 * Files are sent in pieces, so none has to fit into one message or into memory. A page that could not be read
 * comes with `error` set; a request that is refused as a whole throws a `ConnectError`.
 *
 * @param paths - JPEG, PNG, PDF, TIFF, WebP, GIF or BMP files.
 * @param call - `timeoutMs`, `signal` to cancel, `headers`.
 */
export function streamPages(
  client: OCRClient,
  paths: readonly string[],
  options: OCROptions = {},
  call: CallOptions = {},
): AsyncIterable<PageResult> {
  return client.uploadDocuments(uploadMessages(paths, options), call);
}

/** The text of a page: one line of text per line on the page, an empty line between blocks. */
export function pageText(result: PageResult): string {
  const blocks = result.pages.flatMap((page) => page.blocks);
  return blocks
    .map((block) => block.lines.map((line) => line.words.map((word) => word.value).join(" ")).join("\n"))
    .join("\n\n");
}

async function* uploadMessages(paths: readonly string[], options: OCROptions): AsyncIterable<OCRRequest> {
  yield create(OCRRequestSchema, options);
  for (const path of paths) {
    const name = basename(path);
    let continued = false;
    for await (const content of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
      yield create(OCRRequestSchema, { documents: [{ name, content, continued }] });
      continued = true;
    }
    if (!continued) {
      yield create(OCRRequestSchema, { documents: [{ name }] }); // an empty file: the server says so by name
    }
  }
}

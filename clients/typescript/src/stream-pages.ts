// Prints the text of each page as it arrives.
//
//   node dist/stream-pages.js http://localhost:50051 FILE...
//
// Exit status: 0 when every page was read, 1 otherwise, 2 for a wrong command line.

import { Code, ConnectError } from "@connectrpc/connect";

import { createOCRClient, pageText, streamPages } from "./client.js";
import { BadRequestSchema } from "./gen/google/rpc/error_details_pb.js";

async function main(baseUrl: string, paths: readonly string[]): Promise<number> {
  let status = 0;
  try {
    for await (const page of streamPages(createOCRClient(baseUrl), paths, { detectLanguage: true })) {
      if (page.error) {
        console.error(`${page.name}, page ${page.pageNumber}: ${page.error.message}`);
        status = 1;
        continue;
      }
      console.log(`--- ${page.name}, page ${page.pageNumber} of ${page.pageCount}`);
      console.log(pageText(page));
    }
  } catch (reason) {
    const error = ConnectError.from(reason);
    const fields = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
    const where = fields.map((violation) => violation.field).join(", ");
    console.error(`${Code[error.code]}: ${error.rawMessage}${where ? ` (${where})` : ""}`);
    status = 1;
  }
  return status;
}

const [baseUrl, ...paths] = process.argv.slice(2);
if (baseUrl === undefined || paths.length === 0) {
  console.error("usage: stream-pages http://HOST:PORT FILE...");
  process.exitCode = 2;
} else {
  process.exitCode = await main(baseUrl, paths);
}

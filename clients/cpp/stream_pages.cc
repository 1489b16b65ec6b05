// Uploads files in pieces and prints the text of each page as it arrives.
//
//   stream_pages ADDRESS FILE...        e.g. stream_pages localhost:50051 letter.pdf
//
// Exit status: 0 when every page was read, 1 otherwise, 2 for a wrong command line.

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "doctr_serve/v1/ocr.grpc.pb.h"

using doctr_serve::v1::OCRRequest;
using doctr_serve::v1::OCRService;
using doctr_serve::v1::PageResult;
using Upload = grpc::ClientReaderWriter<OCRRequest, PageResult>;

namespace {

constexpr std::size_t kPieceBytes = 1 << 20;

// Sends one file, a piece per message; false when the server does not take more.
bool SendFile(const std::string& path, Upload& upload) {
  std::ifstream file(path, std::ios::binary);
  std::string piece(kPieceBytes, '\0');
  bool continued = false;
  do {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    OCRRequest message;
    auto* document = message.add_documents();
    document->set_name(std::filesystem::path(path).filename().string());
    document->set_content(piece.data(), static_cast<std::size_t>(file.gcount()));
    document->set_continued(continued);
    if (!upload.Write(message)) return false;
    continued = true;
  } while (file);
  return true;
}

// Sends the options, then every file, then the end of the upload.
void Send(const std::vector<std::string>& paths, Upload& upload) {
  OCRRequest options;
  options.set_group_lines(true);
  if (!upload.Write(options)) return;
  for (const auto& path : paths) {
    if (!SendFile(path, upload)) return;
  }
  upload.WritesDone();
}

// Prints a page's lines; false when it could not be read.
bool Print(const PageResult& result) {
  const std::string place = result.name() + ", page " + std::to_string(result.page_number());
  if (result.has_error()) {
    std::cerr << place << ": " << result.error().message() << '\n';
    return false;
  }
  std::cout << "--- " << place << " of " << result.page_count() << '\n';
  for (const auto& page : result.pages()) {
    for (const auto& block : page.blocks()) {
      for (const auto& line : block.lines()) {
        const char* separator = "";
        for (const auto& word : line.words()) {
          std::cout << separator << word.value();
          separator = " ";
        }
        std::cout << '\n';
      }
    }
  }
  std::cout.flush();
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> paths(argv + std::min(argc, 2), argv + argc);
  if (paths.empty()) {
    std::cerr << "usage: stream_pages ADDRESS FILE...\n";
    return 2;
  }
  for (const auto& path : paths) {
    if (!std::filesystem::is_regular_file(path)) {
      std::cerr << path << ": no such file\n";
      return 2;
    }
  }
  // A page's result may be larger than gRPC's default limit of 4 MiB for what a client receives.
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel = grpc::CreateCustomChannel(argv[1], grpc::InsecureChannelCredentials(), arguments);
  const auto stub = OCRService::NewStub(channel);

  grpc::ClientContext context;
  const auto upload = stub->UploadDocuments(&context);
  // Sending and reading at once: pages come back while later files are still on their way.
  std::thread sender([&] { Send(paths, *upload); });
  bool every_page_read = true;
  for (PageResult result; upload->Read(&result);) every_page_read &= Print(result);
  sender.join();
  const grpc::Status status = upload->Finish();
  if (!status.ok()) std::cerr << "doctr-serve: " << status.error_message() << '\n';
  return status.ok() && every_page_read ? 0 : 1;
}

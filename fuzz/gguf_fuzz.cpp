// GGUF files from a hostile source.
//
// Oracle: what is accepted keeps the invariants of GgufFile, can be asked for anything, and is the
// same after it was written and read again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../tests/formats/support/gguf_checks.h"
#include "formats/gguf.h"

namespace {

using namespace eddy;

void require(const std::string& wrong, const char* what) {
  if (wrong.empty()) return;
  std::fprintf(stderr, "gguf_fuzz: %s: %s\n", what, wrong.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = GgufFile::parse(bytes, "fuzz.gguf");
  if (!file) {
    const bool has_name = file.error().message.starts_with("fuzz.gguf: ");
    require(has_name ? "" : file.error().message, "an error without the file's name");
    return 0;
  }
  require(test::broken_invariant(*file, bytes), "an invariant is broken");
  for (const GgufEntry& entry : file->entries()) test::read_as_everything(*file, entry.key);
  require(test::changed_by_rewriting(*file), "the file is another when it is written anew");
  return 0;
}

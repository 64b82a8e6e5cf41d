// Safetensors files from a hostile source.
//
// Oracle: what is accepted keeps the invariants of Safetensors.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../tests/formats/support/safetensors_checks.h"
#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eddy;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = Safetensors::parse(bytes, "fuzz");
  const std::string wrong =
      file ? test::broken_invariant(*file, bytes)
           : std::string(file.error().message.starts_with("fuzz: ") ? "" : "an unnamed error");
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "safetensors_fuzz: %s\n", wrong.c_str());
  std::abort();
}

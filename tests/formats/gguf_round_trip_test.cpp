// Random tables, written and read: what comes back is what went in.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "base/support/fails_with.h"
#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "formats/support/built_file.h"
#include "formats/support/gguf_checks.h"

namespace eddy::test {
namespace {

Bytes random_bytes(std::size_t n) {
  Bytes bytes;
  for (const int byte : *rc::gen::container<std::vector<int>>(n, rc::gen::inRange(0, 256))) {
    bytes.push_back(static_cast<std::byte>(byte));
  }
  return bytes;
}

Bytes random_elements(std::uint32_t type, std::size_t n) {
  constexpr std::size_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  if (type == 8) {
    return text_bytes(
        *rc::gen::container<std::vector<std::string>>(n, rc::gen::arbitrary<std::string>()));
  }
  Bytes bytes = random_bytes(n * kBytes[type]);
  if (type != 7) return bytes;
  for (std::byte& byte : bytes) byte &= std::byte{1};
  return bytes;
}

BuiltEntry random_entry(std::size_t i) {
  const std::string key = fmt::format("{}.{}", *rc::gen::string<std::string>(), i);
  const auto type = *rc::gen::inRange<std::uint32_t>(0, 13);
  if (type != 9) return {key, type, random_elements(type, 1)};
  const auto element = *rc::gen::element<std::uint32_t>(0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12);
  const auto n = *rc::gen::inRange<std::size_t>(0, 20);
  return array_entry(key, element, n, random_elements(element, n));
}

BuiltTensor random_tensor(std::size_t i) {
  const auto type = *rc::gen::inRange<std::size_t>(0, dtype_table().size());
  const DTypeInfo& info = dtype_table()[type];
  const auto n_dims = *rc::gen::inRange<std::size_t>(1, 5);
  auto ne = *rc::gen::container<std::vector<std::uint64_t>>(n_dims,
                                                            rc::gen::inRange<std::uint64_t>(1, 4));
  ne[0] *= info.block_elems;
  return {
      .name = fmt::format("t\x80{}", i), .ne = ne, .type = static_cast<std::uint32_t>(info.type)};
}

std::uint64_t bytes_of(const BuiltTensor& tensor) {
  const DTypeInfo& info = dtype_info(static_cast<DType>(tensor.type));
  std::uint64_t n = info.block_bytes;
  for (const std::uint64_t extent : tensor.ne) n *= extent;
  return n / info.block_elems;
}

BuiltFile random_file() {
  BuiltFile file;
  const auto n_entries = *rc::gen::inRange<std::size_t>(0, 12);
  for (std::size_t i = 0; i < n_entries; ++i) file.entries.push_back(random_entry(i));
  if (const auto bit = *rc::gen::inRange(2, 10); bit > 2) {
    file.alignment = std::uint64_t{1} << bit;
    const auto alignment = static_cast<std::uint32_t>(file.alignment);
    file.entries.push_back(number_entry("general.alignment", 4, alignment));
  }
  const auto n_tensors = *rc::gen::inRange<std::size_t>(0, 8);
  for (std::size_t i = 0; i < n_tensors; ++i) {
    file.tensors.push_back(random_tensor(i));
    file.tensors[i].offset = (file.n_data + file.alignment - 1) / file.alignment * file.alignment;
    file.n_data = file.tensors[i].offset + bytes_of(file.tensors[i]);
  }
  return file;
}

// Built by the tests' own builder, read, written, and read again.
TEST(GgufRoundTrip, RandomFilesAreReadAndWrittenAndReadAlike) {
  EXPECT_TRUE(rc::check([] {
    const BuiltFile built = random_file();
    const Bytes bytes = built.bytes();
    const auto file = GgufFile::parse(bytes, "random");
    RC_ASSERT(file.ok());
    RC_ASSERT(broken_invariant(*file, bytes) == "");
    RC_ASSERT(file->entries().size() == built.entries.size());
    RC_ASSERT(file->tensors().size() == built.tensors.size());
    for (std::size_t i = 0; i < built.tensors.size(); ++i) {
      RC_ASSERT(file->tensors()[i].name == built.tensors[i].name);
      RC_ASSERT(file->tensors()[i].data.size() == bytes_of(built.tensors[i]));
    }
    RC_ASSERT(changed_by_rewriting(*file) == "");
  }));
}

// A random file in which a few bytes are random again.
TEST(GgufRoundTrip, RandomDamageIsRefusedOrHarmless) {
  EXPECT_TRUE(rc::check([] {
    Bytes bytes = random_file().bytes();
    const auto n_changes = *rc::gen::inRange(1, 4);
    for (int i = 0; i < n_changes; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
      bytes[at] = random_bytes(1)[0];
    }
    const auto file = GgufFile::parse(bytes, "random");
    if (!file) return;
    RC_ASSERT(broken_invariant(*file, bytes) == "");
    RC_ASSERT(changed_by_rewriting(*file) == "");
  }));
}

}  // namespace
}  // namespace eddy::test

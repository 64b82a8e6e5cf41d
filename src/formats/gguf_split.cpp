#include "formats/gguf_split.h"

#include <fmt/format.h>

#include <iterator>
#include <string>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::string_view kNumberKey = "split.no";
constexpr std::string_view kCountKey = "split.count";
constexpr std::string_view kTensorsKey = "split.tensors.count";
constexpr std::uint32_t kMaxParts = 99999;  // the names have five digits

std::string part_ending(std::uint32_t number, std::uint32_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

Error wrong_part(const GgufFile& file, std::string_view key, std::uint32_t found,
                 std::uint32_t expected) {
  return fail(ErrorCode::kMalformed, "{}: {}: {}, expected {}", file.name(), key, found, expected);
}

}  // namespace

Result<GgufFile> GgufSplit::complete(FileSystem& fs, GgufFile first) {
  EDDY_TRY_ASSIGN(const auto count, first.get_or<std::uint32_t>(kCountKey, 0));
  if (count <= 1) return first;
  if (count > kMaxParts) return wrong_part(first, kCountKey, count, kMaxParts);
  EDDY_TRY_ASSIGN(const auto number, first.get<std::uint32_t>(kNumberKey));
  if (number != 0) {
    return fail(ErrorCode::kMalformed, "{}: part {} of a split model, expected the first part",
                first.name(), number + 1);
  }
  const std::string ending = part_ending(0, count);
  if (!first.name().ends_with(ending)) {
    return fail(ErrorCode::kMalformed,
                "{}: the first part of a split model, expected a name \"*{}\"", first.name(),
                ending);
  }
  const std::string prefix = first.name().substr(0, first.name().size() - ending.size());
  for (std::uint32_t i = 1; i < count; ++i) {
    const std::string path = prefix + part_ending(i, count);
    EDDY_TRY_ASSIGN(MappedFile mapped, MappedFile::open(fs, path));
    EDDY_TRY_ASSIGN(GgufFile part, GgufFile::parse(mapped.bytes(), path));
    part.files_.push_back(std::move(mapped));
    EDDY_TRY(append(first, std::move(part), i));
  }
  EDDY_TRY_ASSIGN(const auto n_tensors, first.get<std::uint32_t>(kTensorsKey));
  if (n_tensors != first.tensors_.size()) {
    return fail(ErrorCode::kMalformed, "{}: {}: {}, but the parts have {} tensors", first.name(),
                kTensorsKey, n_tensors, first.tensors_.size());
  }
  EDDY_TRY(first.index());
  return first;
}

Status GgufSplit::append(GgufFile& whole, GgufFile part, std::uint32_t number) {
  EDDY_TRY_ASSIGN(const auto found, part.get<std::uint32_t>(kNumberKey));
  if (found != number) return wrong_part(part, kNumberKey, found, number);
  std::ranges::move(part.tensors_, std::back_inserter(whole.tensors_));
  std::ranges::move(part.files_, std::back_inserter(whole.files_));
  return {};
}

}  // namespace eddy

#include "convert/describe.h"

#include <filesystem>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_file_type.h"

namespace eddy::convert {
namespace {

// The last name in a path, also of one that ends with a slash.
std::string name_of(const std::string& folder) {
  const std::filesystem::path path(folder);
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

}  // namespace

std::string Describer::full(std::string_view key) const {
  return fmt::format("{}.{}", checkpoint_.family().architecture, key);
}

void Describer::add_common(std::int64_t context_length) {
  writer_.add("general.architecture", checkpoint_.family().architecture);
  writer_.add("general.type", "model");
  writer_.add("general.name", name_of(checkpoint_.folder()));
  writer_.add("general.file_type", gguf_file_type(plan_.type()));
  writer_.add("general.quantization_version", std::uint32_t{2});
  add("context_length", context_length);
  add("embedding_length", plan_.ne("token_embd.weight", 0));
  add("block_count", plan_.n_layer());
}

Status Describer::add_number(std::string_view key, std::initializer_list<std::string_view> keys,
                             double otherwise) {
  EDDY_TRY_ASSIGN(const auto number, checkpoint_.number(keys));
  add(key, static_cast<float>(number.value_or(otherwise)));
  return {};
}

Status Describer::wrong(std::string_view message) const {
  return fail(ErrorCode::kMalformed, "{}: {}", checkpoint_.folder(), message);
}

}  // namespace eddy::convert

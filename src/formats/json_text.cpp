#include "formats/json_text.h"

#include <optional>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/try.h"

namespace eddy {
namespace {

// Brackets outside of texts, whether they match or not.
int depth_of(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') ++i;
    if (in_text) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    return fail(ErrorCode::kMalformed, "{} bytes, expected at most {}", text.size(), kMaxJsonBytes);
  }
  const int depth = depth_of(text);
  if (depth > kMaxJsonDepth) {
    return fail(ErrorCode::kMalformed, "nested {} deep, expected at most {}", depth, kMaxJsonDepth);
  }
  nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::kMalformed, "no JSON");
  return json;
}

Result<nlohmann::json> read_json(FileSystem& fs, const std::string& path) {
  EDDY_TRY_ASSIGN(const MappedFile file, MappedFile::open(fs, path));
  const auto bytes = file.bytes();
  auto json = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!json) return prefixed(path, std::move(json).error());
  return json;
}

}  // namespace eddy

#include "formats/json_text.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::string_view kPythonNumbers[] = {"-Infinity", "Infinity", "NaN"};

// Its bytes; 0: there is none.
std::size_t python_number_at(std::string_view text) {
  for (const std::string_view number : kPythonNumbers) {
    if (text.starts_with(number)) return number.size();
  }
  return 0;
}

struct Outside {
  int depth = 0;                     // of brackets, whether they match or not
  std::vector<std::size_t> numbers;  // where one of Python's stands
};

// What there is outside of texts.
Outside look_outside(std::string_view text) {
  Outside found;
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') ++i;
    if (in_text) continue;
    if (c == '[' || c == '{') found.depth = std::max(found.depth, ++depth);
    if (c == ']' || c == '}') --depth;
    const bool may_begin = c == '-' || c == 'I' || c == 'N';
    if (may_begin && python_number_at(text.substr(i)) > 0) {
      found.numbers.push_back(i);
      i += python_number_at(text.substr(i)) - 1;
    }
  }
  return found;
}

std::string nulls_for_numbers(std::string_view text, const std::vector<std::size_t>& numbers) {
  std::string out;
  std::size_t done = 0;
  for (const std::size_t place : numbers) {
    out.append(text.substr(done, place - done)).append("null");
    done = place + python_number_at(text.substr(place));
  }
  return out.append(text.substr(done));
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    return fail(ErrorCode::kMalformed, "{} bytes, expected at most {}", text.size(), kMaxJsonBytes);
  }
  const Outside outside = look_outside(text);
  if (outside.depth > kMaxJsonDepth) {
    return fail(ErrorCode::kMalformed, "nested {} deep, expected at most {}", outside.depth,
                kMaxJsonDepth);
  }
  std::string changed;
  if (!outside.numbers.empty()) {
    changed = nulls_for_numbers(text, outside.numbers);
    text = changed;
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

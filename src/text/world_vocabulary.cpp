#include "text/world_vocabulary.h"

#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_value.h"
#include "text/python_repr.h"

namespace eddy {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

// Calls visit(token, text) for each normal token, until there is an error.
template <class Visit>
Status each_normal(Vocabulary& vocabulary, const Visit& visit) {
  for (std::size_t i = 0; i < vocabulary.texts.size(); ++i) {
    if (vocabulary.types[i] == TokenType::kNormal) EDDY_TRY(visit(i, vocabulary.texts[i]));
  }
  return {};
}

Status unescape(std::size_t token, std::string& text) {
  std::optional<std::string> bytes = bytes_of_repr(text);
  if (!bytes) {
    return fail(
        ErrorCode::kMalformed,
        "element {}: \"{}\", expected bytes with the escapes \\t \\n \\r \\\\ \\' \\\" \\xhh",
        token, printable(text));
  }
  text = *std::move(bytes);
  return {};
}

Status check_bytes(const std::unordered_map<std::string_view, std::size_t>& tokens) {
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    if (tokens.contains({&text, 1})) continue;
    return fail(ErrorCode::kMalformed, "no token for the byte 0x{:02x}, expected one for each",
                byte);
  }
  return {};
}

}  // namespace

Status unescape_world(Vocabulary& vocabulary) {
  EDDY_TRY(each_normal(vocabulary, unescape));
  std::unordered_map<std::string_view, std::size_t> tokens;
  std::size_t n_bytes = 0;
  EDDY_TRY(each_normal(vocabulary, [&](std::size_t token, std::string_view text) -> Status {
    n_bytes += text.size();
    const auto [other, is_new] = tokens.try_emplace(text, token);
    if (is_new || text.empty()) return {};
    return fail(ErrorCode::kMalformed, "element {}: \"{}\", as element {}, expected another", token,
                printable(text), other->second);
  }));
  if (n_bytes > kMaxBytes) {
    return fail(ErrorCode::kMalformed, "{} bytes of tokens, expected at most {}", n_bytes,
                kMaxBytes);
  }
  return check_bytes(tokens);
}

}  // namespace eddy

#include "cli/input.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace eddy {
namespace {

constexpr std::string_view kSeparators = " \t\r\n,";

Result<std::string> drain(std::FILE* file, const std::string& name) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file)) {
    text.append(buffer.data(), n);
  }
  if (std::ferror(file)) return fail(ErrorCode::kIo, "{}: {}", name, std::strerror(errno));
  return text;
}

}  // namespace

Result<std::string> read_all(const std::string& path) {
  if (path == "-") return drain(stdin, "standard input");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) return fail(ErrorCode::kIo, "{}: {}", path, std::strerror(errno));
  return drain(file.get(), path);
}

Result<std::vector<Token>> parse_tokens(std::string_view text, std::string_view where) {
  std::vector<Token> tokens;
  for (;;) {
    const std::size_t first = text.find_first_not_of(kSeparators);
    if (first == std::string_view::npos) return tokens;
    text.remove_prefix(first);
    const std::string_view word = text.substr(0, text.find_first_of(kSeparators));
    std::int32_t id = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size() || id < 0) {
      return fail(ErrorCode::kMalformed, "{}: \"{}\" (number {}) is not a token id", where,
                  word.substr(0, 40), tokens.size());
    }
    tokens.push_back(Token(id));
    text.remove_prefix(word.size());
  }
}

}  // namespace eddy

#include "text/char_kind.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace eddy {
namespace {

struct Run {
  char32_t first;
  CharKind kind;
};

constexpr Run kRuns[] = {
#include "text/char_kinds.inc"
};
static_assert(kRuns[0].first == 0);

constexpr CharKind search(char32_t code_point) {
  const auto* after = std::ranges::upper_bound(kRuns, code_point, {}, &Run::first);
  return std::prev(after)->kind;
}

constexpr auto kAscii = [] {
  std::array<CharKind, 128> kinds = {};
  for (char32_t c = 0; c < kinds.size(); ++c) kinds[c] = search(c);
  return kinds;
}();

}  // namespace

CharKind char_kind(char32_t code_point) {
  return code_point < kAscii.size() ? kAscii[code_point] : search(code_point);
}

}  // namespace eddy

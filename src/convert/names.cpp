#include "convert/names.h"

#include <algorithm>

namespace eddy::convert {
namespace {

std::string replaced(std::string_view pattern, std::string_view what, std::string_view with) {
  std::string name(pattern);
  const std::size_t at = name.find(what);
  if (at != name.npos) name.replace(at, what.size(), with);
  return name;
}

}  // namespace

std::string with_layer(std::string_view pattern, std::int64_t il) {
  return replaced(pattern, "{}", std::to_string(il));
}

std::vector<std::string> alternatives(std::string_view pattern, std::int64_t il) {
  std::vector<std::string> names;
  for (std::size_t bar = 0; bar != pattern.npos;) {
    bar = pattern.find('|');
    names.push_back(with_layer(pattern.substr(0, bar), il));
    if (bar != pattern.npos) pattern.remove_prefix(bar + 1);
  }
  return names;
}

std::vector<std::string> stacked_names(std::string_view pattern, std::string_view letters,
                                       std::int64_t il) {
  std::vector<std::string> names;
  for (const char letter : letters) {
    names.push_back(with_layer(replaced(pattern, "*", std::string_view(&letter, 1)), il));
  }
  return names;
}

std::string_view layer_pattern(const Family& family) {
  const auto found = std::ranges::find_if(family.rules, [](const Rule& rule) {
    return is_per_layer(rule.source) && rule.layers == Layers::kAll && rule.letters.empty();
  });
  return found->source;
}

}  // namespace eddy::convert

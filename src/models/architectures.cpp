#include "models/architectures.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf.h"
#include "models/loader.h"

namespace eddy {
namespace {

#define EDDY_TABLE_LINE(name, ...) {#name, make_##name, {__VA_ARGS__}},
constexpr Architecture kArchitectures[] = {EDDY_ARCHITECTURES(EDDY_TABLE_LINE)};
#undef EDDY_TABLE_LINE

std::string known_names() {
  std::vector<std::string_view> names;
  for (const Architecture& architecture : kArchitectures) names.push_back(architecture.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

bool Architecture::is_called(std::string_view other) const {
  return other == name || (!other.empty() && std::ranges::find(aliases, other) != aliases.end());
}

std::span<const Architecture> architectures() { return kArchitectures; }

Result<std::unique_ptr<const Model>> load_model(const GgufFile& file, const Ops& ops) {
  EDDY_TRY_ASSIGN(const auto name, file.get<std::string_view>("general.architecture"));
  const auto* found = std::ranges::find_if(
      kArchitectures, [&](const Architecture& a) { return a.is_called(name); });
  if (found == std::end(kArchitectures)) {
    return fail(ErrorCode::kUnsupported, "{}: general.architecture: \"{}\", expected one of {}",
                file.name(), printable(name), known_names());
  }
  Loader loader(file, ops);
  std::unique_ptr<const Model> model = found->make(loader);
  EDDY_TRY(loader.finish());
  return model;
}

}  // namespace eddy

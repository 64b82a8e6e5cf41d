#include "cpu/isa.h"

#include <fmt/ranges.h>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include <algorithm>

#include "base/error.h"
#include "cpu/targets.h"

namespace eddy {
namespace {

constexpr std::array<std::string_view, kNumIsas> kNames = {"plain", "neon",   "neondot",
                                                           "avx2",  "avx512", "avx512vnni"};

// Products of four bytes, added to a lane in one step: AVX512-VNNI, or those of Armv8.2.
bool has_dot() {
#if HWY_ARCH_X86
  return __builtin_cpu_supports("avx512vnni") != 0;
#elif defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return false;
#endif
}

}  // namespace

std::string_view isa_name(Isa isa) { return kNames[static_cast<std::size_t>(isa)]; }

std::vector<Isa> available_isas() {
  const std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  std::vector<Isa> isas = {Isa::kPlain};
  if (targets & HWY_NEON) isas.push_back(Isa::kNeon);
  if ((targets & HWY_NEON) && has_dot()) isas.push_back(Isa::kNeonDot);
  if (targets & HWY_AVX2) isas.push_back(Isa::kAvx2);
  if (targets & HWY_AVX3) isas.push_back(Isa::kAvx512);
  if ((targets & HWY_AVX3) && has_dot()) isas.push_back(Isa::kAvx512Vnni);
  return isas;
}

Result<Isa> find_isa(std::string_view name) {
  const std::vector<Isa> isas = available_isas();
  if (name.empty()) return isas.back();
  const auto found = std::ranges::find(isas, name, isa_name);
  if (found != isas.end()) return *found;
  std::vector<std::string_view> names(isas.size());
  std::ranges::transform(isas, names.begin(), isa_name);
  return fail(ErrorCode::kInvalidArgument, "instruction set \"{}\", expected one of {}", name,
              fmt::join(names, ", "));
}

}  // namespace eddy

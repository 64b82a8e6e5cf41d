#include "memory/state_store.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace eddy {

std::int64_t system_clock_us() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

Status check_state_name(std::string_view name) {
  if (name.empty() || name.size() > kStateNameBytes) {
    return fail(ErrorCode::kInvalidArgument, "state name of {} bytes, expected 1 .. {}",
                name.size(), kStateNameBytes);
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
  if (std::ranges::none_of(name, is_control)) return {};
  return fail(ErrorCode::kInvalidArgument, "state name with a control character");
}

Error no_such_state(const std::string& name) {
  return fail(ErrorCode::kNotFound, "state {}: not in the store", name);
}

}  // namespace eddy

// One-line making of errors: fail(ErrorCode::kFull, "{} cells, all in use", n).
#pragma once

#include <fmt/format.h>

#include "eddy/result.h"

namespace eddy {

template <class... Args>
Error fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error{code, fmt::format(format, std::forward<Args>(args)...)};
}

// The same error with "context: " before its message.
inline Error prefixed(std::string_view context, Error error) {
  error.message = fmt::format("{}: {}", context, error.message);
  return error;
}

}  // namespace eddy

// JSON from outside: parsed within limits, without exceptions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "eddy/result.h"

namespace eddy {

inline constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 20;
inline constexpr int kMaxJsonDepth = 64;

// kMalformed: no JSON, nested more than 64 deep, or of more than 256 MiB. Of keys that are there
// twice the last counts. Python's NaN, Infinity and -Infinity, which JSON does not have, are null.
Result<nlohmann::json> parse_json(std::string_view text);

// The same of a file; the message starts with its name. kNotFound, kIo.
Result<nlohmann::json> read_json(FileSystem& fs, const std::string& path);

}  // namespace eddy

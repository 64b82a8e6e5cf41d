// What a saved session says about itself, without the model that made it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "eddy/result.h"
#include "engine/session_format.h"
#include "memory/state_summary.h"

namespace eddy {

struct SessionSummary {
  SessionRecord record;               // its state points into the bytes
  std::optional<StateSummary> state;  // nullopt: no token has been read
};

// kMalformed, kMismatch, kUnsupported: as decode_session and summarise_state say.
Result<SessionSummary> summarise_session(std::span<const std::byte> bytes);

}  // namespace eddy

#include "engine/session_summary.h"

#include "base/try.h"

namespace eddy {

Result<SessionSummary> summarise_session(std::span<const std::byte> bytes) {
  SessionSummary summary;
  EDDY_TRY_ASSIGN(summary.record, decode_session(bytes));
  if (summary.record.state.empty()) return summary;
  EDDY_TRY_ASSIGN(summary.state, summarise_state(summary.record.state));
  return summary;
}

}  // namespace eddy

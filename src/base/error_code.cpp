#include "eddy/result.h"

namespace eddy {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kIo: return "input/output error";
    case ErrorCode::kMalformed: return "malformed";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kMismatch: return "mismatch";
    case ErrorCode::kBusy: return "busy";
    case ErrorCode::kFull: return "full";
    case ErrorCode::kOutOfMemory: return "out of memory";
    case ErrorCode::kOutOfWindow: return "out of window";
    case ErrorCode::kStateLost: return "state lost";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kNonFinite: return "not finite";
  }
  return "unknown";
}

}  // namespace eddy

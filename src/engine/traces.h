// Synthetic traces: what requests come to an engine, one after the other. Made from a seed, equal
// on every machine; for the trace simulator, which measures what of them can be reused.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "eddy/types.h"

namespace eddy {

enum class TraceKind {
  kChat,      // conversations with a few system prompts; now and then a retry, an edit, a step back
  kThinking,  // the same, but the template drops the thinking part of earlier answers
  kAgents,    // loops of tool calls below long system prompts, in which a date line changes
  kTree,      // tree search: steps of a solution, of which several are tried after each
};

inline constexpr std::array kTraceKinds = {TraceKind::kChat, TraceKind::kThinking,
                                           TraceKind::kAgents, TraceKind::kTree};

// "chat", "thinking", "agents", "tree".
std::string_view trace_name(TraceKind kind);

struct TraceRequest {
  std::vector<Token> prompt = {};
  std::vector<Pos> turns = {};  // where turns begin in the prompt, as CaptureRequest has them
  std::vector<Token> answer = {};
};

// Equal seeds make equal traces. Some hundred requests.
std::vector<TraceRequest> make_trace(TraceKind kind, std::uint64_t seed);

}  // namespace eddy

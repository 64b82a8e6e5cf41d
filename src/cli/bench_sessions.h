// eddy bench MODEL --sessions N: what it costs to go on with one of many conversations, which wait
// in the store of parked states while few cells go round.
//
// Every session is checked: its next token and the state behind it must be, to the bit, those of a
// fork that went on before the session was parked.
#pragma once

#include <cstdint>

#include "cli/bench_table.h"
#include "cli/command.h"
#include "cli/model_options.h"
#include "eddy/result.h"

namespace eddy {

// kMismatch: a session went on with other bits.
Result<ExitCode> bench_sessions(const ModelOptions& model, std::uint32_t n_sessions,
                                TableFormat format);

}  // namespace eddy

// Recurrences: the ops of a model that keep a state, to make its states again from the update log.
//
// They are found by running the model's forward pass once with ops that note what they are called
// with: no architecture says a second time what it does.
//
// Threading: one thread at a time.
#pragma once

#include <variant>
#include <vector>

#include "eddy/result.h"
#include "memory/recurrent_memory.h"
#include "tensor/ops.h"

namespace eddy {

class Model;

class Recurrences {
 public:
  // Of a model whose states lie where `worst` (RecurrentMemory::init_full) says. kOutOfMemory.
  static Result<Recurrences> of(const Model& model, Ops& ops, const RecurrentContext& worst);

  // Makes a state again: bit for bit what the model's forward pass made of these tokens. Weights
  // are not read; allocates nothing. The error of an op.
  Status replay(Ops& ops, const Replay& replay) const;

 private:
  using Call = std::variant<ShortConvArgs, SelectiveScanArgs, SsdScanArgs, TokenShiftArgs, Wkv6Args,
                            Wkv7Args, RgLruArgs>;

  std::vector<Call> calls_;  // in the order of the forward pass
};

}  // namespace eddy

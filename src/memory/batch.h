// A batch as the engine asks for it, and the micro-batches it is cut into.
//
// Callers give tokens, never positions: the memory counts. A token belongs to exactly one sequence.
// Micro-batches are ragged: lanes of any lengths, no padding, no equal split.
#pragma once

#include <cstdint>
#include <span>

#include "eddy/types.h"

namespace eddy {

// For which tokens of a part logits are wanted.
enum class Outputs : std::uint8_t { kNone, kLast, kAll };

// The next tokens of one sequence. A sequence appears at most once in a batch.
struct BatchPart {
  SeqId seq;
  std::span<const Token> tokens;  // at least 1; must outlive the context
  Outputs outputs = Outputs::kLast;
  bool wants_anchor = false;  // the state before the tokens should be one to rewind to cheaply
};

using Batch = std::span<const BatchPart>;

// One sequence's part of a micro-batch, before it is placed.
struct UBatchPart {
  SeqId seq;
  std::int32_t part = 0;         // index into the batch
  std::int32_t first_token = 0;  // index into the micro-batch
  std::int32_t n_tokens = 0;
  bool wants_anchor = false;  // as the batch's part, in its first micro-batch
};

// At most n_ubatch tokens, the parts one after another. Views into the context.
struct UBatch {
  std::span<const Token> tokens;
  std::span<const UBatchPart> parts;
  std::span<const std::int32_t> outputs;  // indices of the tokens whose logits are wanted, rising
};

}  // namespace eddy

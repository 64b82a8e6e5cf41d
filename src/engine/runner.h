// Runs batches: memory places each micro-batch, the model computes it, outputs go to the caller.
//
// I1  A batch that fails leaves what its published micro-batches did; the memory says how far each
//     sequence came (seq_pos_max), and which one lost its state.
// I2  Logits are computed for the tokens that the batch asks for, and for no others.
//
// Threading: the engine's thread. The cancel flag may be set by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "eddy/result.h"
#include "memory/batch.h"
#include "memory/recurrent_memory.h"
#include "models/model.h"
#include "models/scratch.h"

namespace eddy {

// The logits after one token of a batch.
struct Output {
  std::int32_t part = 0;          // index into the batch
  std::int64_t token = 0;         // index into the part's tokens
  std::span<const float> logits;  // n_vocab; valid during the call
  bool is_finite = true;          // false: NaN or infinity; the other parts are not affected
};

using OnOutput = std::function<void(const Output&)>;

class Runner {
 public:
  struct Params {
    const Model& model;
    Ops& ops;
    RecurrentMemory& memory;
    std::uint32_t n_batch = 0;   // most tokens of a batch
    std::uint32_t n_ubatch = 0;  // most tokens of a micro-batch, 1 .. n_batch
  };

  // All are borrowed and outlive the runner. Makes the scratch memory, and room for the logits of
  // one output for each lane. kInvalidArgument: n_ubatch or n_batch; kOutOfMemory.
  static Result<Runner> create(const Params& params);

  // Computes a batch and hands over its outputs, micro-batch by micro-batch, in order of parts and
  // tokens. kInvalidArgument: more than n_batch tokens, or a token outside the vocabulary.
  // kFull: no cells. Both: nothing has changed. kCancelled: before a micro-batch the flag was set.
  // Any other error: a micro-batch failed and was taken back. Allocates only when a micro-batch has
  // more outputs than any before it.
  Status run(Batch batch, const std::atomic<bool>& cancel, const OnOutput& on_output);

  std::uint32_t n_batch() const { return params_.n_batch; }
  std::uint32_t n_ubatch() const { return params_.n_ubatch; }

 private:
  Runner(const Params& params, Scratch scratch) : params_(params), scratch_(std::move(scratch)) {}

  Status check(Batch batch) const;
  Status reserve_logits(std::size_t n_outputs);
  Status compute(RecurrentContext& context);
  void deliver(const UBatch& ubatch, const OnOutput& on_output);

  Params params_;
  Scratch scratch_;
  std::vector<float> logits_;         // {n_vocab, most outputs so far}
  std::vector<std::int64_t> n_done_;  // by part: tokens of earlier micro-batches
};

}  // namespace eddy

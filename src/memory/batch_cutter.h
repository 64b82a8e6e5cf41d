// BatchCutter: cuts a batch into micro-batches of at most n_ubatch tokens.
//
// The parts are laid one after another and cut every n_ubatch tokens, so a batch of n tokens makes
// ceil(n / n_ubatch) micro-batches whatever its sequences are called, and a part lies in
// neighbouring micro-batches. The cut depends on the batch and n_ubatch alone. By law 1 where the
// cuts fall changes no result.
//
// All storage is made at construction. Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/batch.h"

namespace eddy {

class BatchCutter {
 public:
  BatchCutter(std::uint32_t n_seq_max, std::uint32_t n_ubatch_max);

  // Begins a batch (copying its parts, not their tokens) and cuts the first micro-batch.
  // Precondition: 1 .. n_seq_max parts, each with a token; 1 <= n_ubatch <= n_ubatch_max.
  void start(Batch batch, std::uint32_t n_ubatch);

  // Cuts the next micro-batch; false, and an empty one, if no token is left.
  bool next();

  // Makes a micro-batch of n_tokens (all token 0) in n_parts lanes, as even as can be, in place of
  // a batch's. Precondition: 1 <= n_parts <= n_tokens, both within the storage.
  void show_worst_case(std::uint32_t n_parts, std::uint32_t n_tokens);

  // Empties the micro-batch and forgets the batch.
  void reset();

  // The current micro-batch; valid until the next call that is not const.
  const UBatch& ubatch() const { return ubatch_; }

 private:
  void clear_ubatch();
  void add(std::size_t part, std::size_t n_tokens);
  void refresh_view();

  std::vector<BatchPart> batch_;
  std::size_t n_ubatch_ = 0;
  std::size_t part_ = 0;         // the part to cut from next
  std::size_t part_offset_ = 0;  // its tokens already cut

  std::vector<Token> tokens_;
  std::vector<UBatchPart> parts_;
  std::vector<std::int32_t> outputs_;
  UBatch ubatch_;
};

}  // namespace eddy

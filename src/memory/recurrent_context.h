// RecurrentContext: walks the micro-batches of one batch through the recurrent state memory.
//
//   EDDY_TRY_ASSIGN(RecurrentContext ctx, memory.init_batch(batch, n_ubatch));
//   do {
//     EDDY_TRY(ctx.apply());               // places the micro-batch
//     EDDY_TRY(model.forward(..., ctx));   // kernels read row src and write row dst of each lane
//   } while (ctx.next());                  // publishes it and moves on
//
// Between apply() and next() the new states are seen by nobody. If the computation fails, the
// context is destroyed (or told by fail()) and the micro-batch is taken back: rows that were
// written in fresh cells are wiped and released, and their sequences are as they were; a sequence
// whose private state was being updated in place has lost it, and says kStateLost until seq_rm()
// empties it or a state is put there. Sequences outside the micro-batch are never affected,
// micro-batches already published stay.
//
// A move-only handle; at most one is open for each memory, which must outlive it. While it is open
// the memory refuses every other change, and to write states. All storage is the memory's, made at
// its creation: no call allocates unless it fails. Spans and views stay valid until the next call
// that is not const. A moved-from context may only be assigned to or destroyed.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <span>

#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/batch.h"
#include "tensor/tensor.h"

namespace eddy {

class RecurrentMemory;

enum class ContextStatus : std::uint8_t {
  kSuccess,        // a micro-batch stands before apply() or next()
  kNoUpdate,       // nothing (more) to compute
  kPlanOnly,       // from init_full(): shows the worst case, computes nothing
  kFailedCompute,  // the micro-batch was taken back; destroy the context
};

class RecurrentContext {
 public:
  RecurrentContext(RecurrentContext&& other) noexcept;
  RecurrentContext& operator=(RecurrentContext&& other) noexcept;
  ~RecurrentContext();  // as fail(), if a micro-batch is applied and not published

  ContextStatus status() const;

  // The current micro-batch. Empty unless status() is kSuccess or kPlanOnly.
  const UBatch& ubatch() const;

  // Places the current micro-batch. init_batch() has prepared it, so it cannot fail on the way
  // described above; kInvalidArgument if there is none or it is already placed. With kNoUpdate it
  // does nothing. O(sequences in the micro-batch).
  Status apply();

  // Publishes the applied micro-batch and moves on; false: that was the last one, or none is
  // applied. Cannot fail. O(sequences in the micro-batch).
  bool next() noexcept;

  // Takes the applied micro-batch back and ends the walk.
  void fail() noexcept;

  // The rows of the current micro-batch, in the order of ubatch().parts. With an update log a part
  // may be cut in several lanes, each of which goes on from the one before it. Empty before
  // apply().
  std::span<const Lane> lanes() const;

  // The R and the S rows of a layer, one row for each cell, and where the lanes' update inputs are
  // logged. n_elems is 0 and buffer nullptr where the layer keeps none.
  StateRows get_r_l(LayerId il) const;
  StateRows get_s_l(LayerId il) const;

  // The pages of keys and values of a layer, and which the lanes have; no lane before apply().
  // Empty where the layer keeps none.
  KvView get_kv_l(LayerId il) const;

  // The field's names for what the lanes say. Rows need not be neighbours: row i of the
  // micro-batch is lane i, and nothing but the lanes' rows is touched.
  std::uint32_t n_rs() const;  // rows touched: the number of lanes
  std::uint32_t head() const;  // destination row of the first lane; 0 if there is none
  std::int32_t rs_z() const;   // first lane that starts from zeros; -1: none does
  std::int32_t s_copy(std::int32_t i) const;  // source row of lane i, 0 <= i < n_rs(), or kZeroRow

 private:
  friend class RecurrentMemory;
  explicit RecurrentContext(RecurrentMemory& memory) : memory_(&memory) {}

  StateRows with_log(StateRows rows, const LogRows& log) const;

  RecurrentMemory* memory_;  // nullptr: moved from
};

}  // namespace eddy

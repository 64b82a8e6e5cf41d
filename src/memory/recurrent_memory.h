// RecurrentMemory: who owns which state, at which position, and where it lies.
//
// A cell has room for one sequence's whole state: per recurrent layer one row of R and one row of
// S, per attention layer a list of pages of K and V, which grows with the tokens that the layer's
// window shows. A recurrent model, a hybrid and a transformer differ in rows of the layout only. A
// sequence's newest state lies in its tail; a fork shares the tail, and the first of the sharers
// that computes writes to a fresh cell (copy on write). Cells and sequences are two tables with two
// id types, and mem_size and n_seq_max are independent: spare cells hold forks in flight and
// checkpoints.
//
// Invariants; check() verifies them:
//   I1  Each cell is free, held (by sequences or checkpoints) or staged by the open context, and
//       the free list holds each free cell once: free + held + staged = mem_size.
//   I2  A cell's list of sharers is exactly the sequences whose tail it is.
//   I3  A live sequence has a tail; any other has neither tail nor tokens.
//   I4  Sequences that share a cell agree on its position and on its generation.
//   I5  A staged cell is held by nobody; cells are staged only while a micro-batch is applied.
//   I6  The rows of a free cell and the free pages are zeros.
//   I7  A page is free, or counts the cells that name it. A cell names the pages of the positions
//       that its tokens still see, and no other (while its micro-batch is applied maybe earlier
//       ones too). They are written up to its tokens, and nobody reads further.
//   I8  A cell counts those that name it as an anchor. One that is nothing else is idle: it counts
//       as free. A cell that is no tail has neither anchors nor pages of the log; a tail's log ends
//       where its state does.
//
// With an update log (n_rewind) the tail leads back: from anchors, earlier states in cells that
// nobody needs, and from what the recurrent ops were told since (memory/update_log.h). That makes
// the end of a sequence removable, seq_rm(); where cells or pages are short, only less of it.
//
// All or nothing: a call that returns an error has changed nothing, except where it says otherwise.
// A sequence is empty, live (also of no token, after an initial state was read into it), lost (its
// computation failed in place) or parked (its state was given to the owner). Lost and parked
// sequences refuse to be used, kStateLost, until seq_rm() empties them or seq_cp(), start() or
// state_read() put a state there. While a context is open, changes and state_write() are refused
// with kInvalidArgument; bad ids are errors, and no id means "any".
//
// Costs: placing a micro-batch O(its sequences), and as many rows touched, and for a sequence that
// moves to a fresh cell O(its pages), one of them copied; fork and queries O(1); removal of the
// last holder writes one cell and its pages of zeros. No allocation after create(), except for
// serialised states and error messages.
//
// Threading: one thread, the engine's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/batch.h"
#include "memory/batch_cutter.h"
#include "memory/checkpoint.h"
#include "memory/eviction.h"
#include "memory/kv_memory.h"
#include "memory/ledger.h"
#include "memory/recurrent_context.h"
#include "memory/slot_planner.h"
#include "memory/staged_slot.h"
#include "memory/state_format.h"
#include "memory/state_layout.h"
#include "memory/state_tensors.h"
#include "memory/state_view.h"
#include "memory/update_log.h"

namespace eddy {

struct RecurrentMemoryParams {
  StateLayout layout;                        // by layer
  std::vector<const Device*> layer_devices;  // by layer: the device that computes it
  DType type_r = DType::kF32;                // F32, F16 or BF16
  DType type_s = DType::kF32;                // F32, F16 or BF16
  DType type_kv = DType::kF32;               // F32, F16, BF16 or Q8_0; rows are whole blocks
  Rounding rounding_r = Rounding::kNearest;  // of R where it is not F32
  bool offload = true;             // states lie with their layer's device; else on the host
  std::uint32_t mem_size = 0;      // cells, at least 1
  std::uint32_t n_seq_max = 0;     // live sequences, at least 1
  std::uint32_t n_ubatch_max = 0;  // most tokens in a micro-batch, at least 1
  std::uint32_t kv_size = 0;       // positions of K and V in all; at least 1 with attention
  std::uint32_t n_rewind = 0;      // tokens that can be taken back, a multiple of kKvPage; 0: none
  std::uint64_t n_log_bytes_max = std::uint64_t{1} << 30;  // of the update log
  std::function<bool(LayerId)> filter;  // layers that keep state here; empty: all with elements
  ModelIdentity identity;               // written into serialised states, and demanded of them
};

// An idle state that the memory would like to give to its owner to make room.
struct ParkRequest {
  std::span<const SeqId> seqs;       // the sequences that share the state
  Pos pos = -1;                      // of its last token
  std::span<const std::byte> state;  // as state_write() of any of them; valid during the call
};

// Whether the owner has stored the state safely. It must neither call the memory nor throw. The
// sequences are parked only if the call that asked succeeds (is_parked()); until then an accepted
// copy is just a copy.
using ParkFn = std::function<bool(const ParkRequest&)>;

// A checkpoint that has just been evicted. Its handles know it; where it was, another state will
// be.
struct EvictedCheckpoint {
  CellId cell;
  Pos pos = -1;                      // of its last token
  std::span<const std::byte> state;  // as state_write(); valid during the call
};
// Must neither call the memory nor throw.
using EvictFn = std::function<void(const EvictedCheckpoint&)>;

// States to make again: what the log says of the lane's tokens, from row src to row dst. The rows
// and the pages are those of the contexts' get_r_l() and get_s_l().
struct Replay {
  Lane lane;   // its tokens are the log's
  KvLane log;  // where they stand
};
using ReplayFn = std::function<Status(const Replay&)>;

// The part of the memory that lies in one kind of buffer.
struct MemoryUse {
  const BufferType* type = nullptr;
  std::uint64_t n_bytes = 0;
};

class RecurrentMemory {
 public:
  // All rows zero, all sequences empty. Attention layers with one window share ceil(kv_size /
  // kKvPage) pages, or fewer where the windows of mem_size cells can never show so many.
  // kInvalidArgument: an impossible size or element type, a missing device, no layer that keeps a
  // state, sizes whose bytes overflow. kOutOfMemory: a buffer or a table cannot be had.
  static Result<std::unique_ptr<RecurrentMemory>> create(RecurrentMemoryParams params);

  ~RecurrentMemory() = default;
  RecurrentMemory(const RecurrentMemory&) = delete;
  RecurrentMemory& operator=(const RecurrentMemory&) = delete;

  // --- Contexts: one at a time --------------------------------------------------------------

  // Opens a batch cut into micro-batches of at most n_ubatch tokens, and makes room for all of it:
  // checkpoints are evicted, by worth, then idle sequences are parked if on_park() allows it. The
  // parts are copied; their tokens must outlive the context. Cells are counted exactly, pages with
  // a little to spare (memory/kv_needs.h).
  // kInvalidArgument: no part, a part without tokens, a bad or repeated id, n_ubatch outside
  // 1 .. n_ubatch_max. kStateLost: a lost or parked sequence. kFull: not enough cells or pages.
  Result<RecurrentContext> init_batch(Batch batch, std::uint32_t n_ubatch);

  // Shows the worst case for planning: n_ubatch_max tokens in as many lanes as there can be. Its
  // lanes can be looked at, not computed.
  Result<RecurrentContext> init_full();

  // Nothing to do: a recurrent memory has no pending copies or shifts. For callers that walk any
  // kind of memory alike.
  Result<RecurrentContext> init_update();

  // ok only if every micro-batch will find its slot, in this order, without parking anybody.
  // Changes nothing. kInvalidArgument, kStateLost, kFull as init_batch().
  Status prepare(std::span<const UBatch> ubatches) const;

  // Places a micro-batch for the open context, which alone calls it: a private tail stays in place,
  // a shared or pinned one gets a fresh cell, an empty sequence starts from zeros in a fresh cell.
  // Makes room as init_batch(), which has done so for every micro-batch of its own.
  // kInvalidArgument, kStateLost, kFull as there; nothing has changed.
  Status find_slot(const UBatch& ubatch);

  // --- Sequences ----------------------------------------------------------------------------
  // Ranges are [p0, p1); p0 < 0 means from the start, p1 < 0 to the end. A bad id is
  // kInvalidArgument.

  // Forgets all sequences; checkpoints stay. With data also evicts all checkpoints: then every cell
  // is free, and every row zero (I6). Touches the rows of cells that were held, and no others.
  Status clear(bool data);

  // Removes a range: the whole sequence, nothing (a range that holds none of its positions), or an
  // end. An end can be removed while an anchor leads to what is left (see seq_pos_min()) and
  // on_replay() is set, in O(tokens since the anchor); where no layer is recurrent, while all
  // windows still show the first position. If the tail is shared this makes room for a cell, as
  // init_batch(): kFull. kOutOfWindow: anything else; the message names the nearest that can be
  // had. Where the replay fails, with its error, a private state is lost, as in a context.
  Status seq_rm(SeqId seq, Pos p0, Pos p1);

  // Makes dst share the whole state of src; what dst held is released. An empty src empties dst,
  // dst = src changes nothing. kOutOfWindow: a part only. kStateLost: src is lost or parked. O(1).
  Status seq_cp(SeqId src, SeqId dst, Pos p0, Pos p1);

  // Removes all sequences but this one.
  Status seq_keep(SeqId seq);

  // Positions count tokens and cannot be shifted: ok where nothing would change (shift 0, d = 1, or
  // a range that holds none of the positions), kUnsupported otherwise. kInvalidArgument: d < 1, or
  // a position that would overflow.
  Status seq_add(SeqId seq, Pos p0, Pos p1, Pos shift);
  Status seq_div(SeqId seq, Pos p0, Pos p1, int d);
  bool get_can_shift() const { return false; }

  // The smallest position whose state can be had, by removing what follows: with a recurrent layer
  // the oldest anchor's, or else the newest alone; without, 0, or the newest where a window has
  // passed the first position. -1: no token.
  // kStateLost: lost or parked. O(1).
  Result<Pos> seq_pos_min(SeqId seq) const;
  // The position of the last token. -1: none. kStateLost: lost or parked. O(1).
  Result<Pos> seq_pos_max(SeqId seq) const;

  bool is_parked(SeqId seq) const;

  // How states are made again; an empty function forbids it (the state after create()). It must
  // neither call the memory nor throw.
  void on_replay(ReplayFn replay) { replay_ = std::move(replay); }

  // --- Checkpoints --------------------------------------------------------------------------

  // Pins the sequence's newest state. A cell has one worth: the highest that its checkpoints were
  // made with, or what set_worth() said last. kNotFound: the sequence is empty; kStateLost;
  // kInvalidArgument: worth is not a number. O(1).
  Result<Checkpoint> checkpoint(SeqId seq, double worth);

  // Makes the sequence share the checkpoint's state; what it held is released. kOutOfWindow: the
  // checkpoint was evicted. kInvalidArgument: another memory's. O(1).
  Status start(SeqId seq, const Checkpoint& checkpoint);

  Status set_worth(const Checkpoint& checkpoint, double worth);

  // One that is evicted is shown to its owner, who may keep its bytes; an empty function spares the
  // trouble (the state after create()). A state that cannot be serialised is not shown. Not called
  // by clear().
  void on_evict(EvictFn evict) { on_evict_ = std::move(evict); }

  // Allows to park idle sequences when no checkpoint is left to evict; an empty function forbids it
  // (the state after create()).
  void on_park(ParkFn park) { park_ = std::move(park); }

  // Gives the sequence's state to its owner now, by on_park(). Those that share it are parked with
  // it, so that its cell gets free, or is left to its checkpoints. An empty or parked sequence
  // stays as it is. kUnsupported: on_park() is not set; kFull: the owner has refused; kNonFinite: a
  // state with NaN or infinity; kStateLost; kOutOfMemory.
  Status park(SeqId seq);

  // --- Serialised states (memory/state_format.h) --------------------------------------------

  // One sequence, or all (seq empty); a shared state is written once. kNotFound: nothing to write.
  // kNonFinite: a state with NaN or infinity is not written. kStateLost: the sequence, or with all
  // any, is lost or parked. kOutOfMemory. Of one sequence with its owner's bytes around, which
  // need no copy then.
  Result<std::vector<std::byte>> state_write(std::optional<SeqId> seq, StateFrame frame = {}) const;
  // A checkpoint's, as a sequence's. kOutOfWindow: it was evicted.
  Result<std::vector<std::byte>> state_write(const Checkpoint& checkpoint,
                                             StateFrame frame = {}) const;

  // How many bytes state_write() makes of a sequence that has a state.
  std::uint64_t n_state_bytes(SeqId seq) const;

  // Of the bytes that state_write() makes of one state after so many tokens.
  std::uint64_t n_state_bytes(Pos n_tokens) const;

  // Installs what state_write() made: one state into one sequence, or all in place of all that are
  // there. Bytes are validated whole first, and used where they lie.
  // Errors as StateView::parse(), and kFull; kInvalidArgument: an id that this memory lacks.
  Status state_read(std::span<const std::byte> bytes, std::optional<SeqId> seq,
                    Checksums checksums = Checksums::kVerify);

  // The bytes of an initial state, which no token has led to, for state_read(): of every layer
  // (index) the elements of R, in its kernel's order, rounded to type_r; S is zeros, and there are
  // no positions. What such a sequence computes first begins there in place of zeros; seq_rm() of
  // all empties it like any other. kInvalidArgument: not one row for each layer of the layout, or
  // not as many elements as it keeps; kNonFinite: not a number that type_r can hold; kOutOfMemory.
  Result<std::vector<std::byte>> initial_state(std::span<const std::vector<float>> r) const;

  // --- Figures and checks -------------------------------------------------------------------

  std::vector<MemoryUse> memory_breakdown() const;
  std::uint32_t mem_size() const;
  std::uint32_t n_seq_max() const;
  std::uint32_t n_free_cells() const;  // and idle ones

  // Who holds which cell, to look at.
  const Ledger& ledger() const { return ledger_; }
  const KvMemory& kv() const { return kv_; }
  const UpdateLog& log() const { return log_; }

  // Verifies I1 .. I5, I7 and I8: O(mem_size + n_seq_max), and all page lists. The error names the
  // invariant.
  Status check() const;
  // Verifies I6: reads every free row and page.
  Status check_free_rows() const;

 private:
  friend class RecurrentContext;
  friend class Checkpoint;

  // The storage of the one open context.
  struct Walk {
    bool is_open = false;
    ContextStatus status = ContextStatus::kNoUpdate;
    BatchCutter cutter;
    StagedSlot staged;
  };

  struct Rooms {
    StateTensors tensors;
    KvMemory kv;
    UpdateLog log;
  };
  RecurrentMemory(RecurrentMemoryParams&& params, Rooms&& rooms);

  Status check_idle() const;                 // no context is open
  Status check_seq(SeqId seq) const;         // a sequence of this memory
  Status check_has_state(SeqId seq) const;   // and neither lost nor parked
  Status check_changeable(SeqId seq) const;  // check_idle and check_seq
  Status check_handle(const Checkpoint& checkpoint) const;

  // Put a checked batch into the planner.
  Status plan(Batch batch, std::uint32_t n_ubatch) const;
  Status plan(std::span<const UBatch> ubatches) const;
  bool plan_part(const SlotPlanner::Part& part) const;
  std::uint64_t n_tokens_left(SeqId seq) const;
  Error part_error(SeqId seq, std::uint64_t n_tokens) const;  // why plan_part() said no

  Error full() const;  // kFull with figures
  Status make_room();  // evicts until the plan fits, or fails and changes nothing
  Status offer(CellId cell);
  void evict(const Victim& victim) noexcept;
  void evict_checkpoints(CellId cell) noexcept;
  void drop_to_owner(CellId cell) noexcept;

  bool is_recurrent() const { return !tensors_.all().empty(); }  // some layer has R or S
  Status remove_end(SeqId seq, Pos n_tokens);
  Status rewind(SeqId seq, Pos n_tokens);
  Status rewind_from(SeqId seq, const AnchorList& anchors, Pos n_tokens, bool takes_anchor);
  Status make_again(const Anchor& anchor, CellId tail, CellId dst, Pos n_tokens);

  Result<RecurrentContext> open_context(ContextStatus status);
  void close_context() noexcept;

  Status read_one(const StateView& view, SeqId seq);
  Status read_all(const StateView& view);
  Status plan_all(const StateView& view);

  const std::uint32_t n_ubatch_max_;
  StateTensors tensors_;
  KvMemory kv_;
  UpdateLog log_;
  StateFormat format_;
  Ledger ledger_;
  mutable SlotPlanner planner_;  // scratch
  mutable Evictor evictor_;      // scratch
  Walk walk_;
  EvictFn on_evict_;
  ParkFn park_;
  ReplayFn replay_;
};

}  // namespace eddy

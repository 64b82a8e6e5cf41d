// A recurrent memory and an obvious model of it, side by side: World applies an operation to both
// and compares them whole.
//
// The model is a list of tokens for each sequence, and for each state a label, counted by those who
// hold it. It knows nothing of cells, lists or plans: a sequence that is alone with its label is
// extended in place, any other gets a new label. A label's pages are shared pointers: how many are
// used is how many there are.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/recurrent_memory.h"
#include "support/fake_model.h"

namespace eddy::test {

struct WorldConfig {
  std::uint32_t n_cells = 1;
  std::uint32_t n_seqs = 1;
  std::uint32_t n_ubatch_max = 8;
  std::size_t n_layers = 1;
  bool is_host = true;  // whether the host can address the rows
  bool parks = false;   // whether the owner may be asked to take idle states

  // Hybrids: an attention layer for each window (0: none), after the recurrent layers.
  std::vector<int> windows = {};
  std::uint32_t n_pages = 0;
  std::size_t n_tokens_max = 48;  // longer sequences are begun anew

  std::uint32_t n_rewind = 0;  // tokens that can be taken back
};

enum class OpKind : std::uint8_t {
  kExtend,  // `count` sequences from `seq` on, by up to n tokens each; `fail` >= 0: compute fails
  kRemove,  // seq_rm of all
  kRemovePart,  // seq_rm of [n, n + count)
  kRewind,      // seq_rm of the last n; `fail` >= 0: the replay fails
  kFork,        // seq_cp seq -> other
  kKeep,
  kClear,       // n % 2: with data
  kShift,       // seq_add and seq_div
  kCheckpoint,  // of worth n
  kDropCheckpoint,
  kStart,    // seq from checkpoint number `other`
  kWrite,    // seq into blob number `other`
  kRead,     // blob number `other` into seq
  kBegin,    // blob number `other` into seq, as a state of no token
  kDump,     // all, then later
  kLoad,     // all
  kCorrupt,  // a damaged blob into seq; n % 2: checksums are ignored
  kUnpark,
  kPark,     // seq, and those that share its state
  kRecover,  // computes a lost sequence again
  kCrash,    // what was written, and what the owner has taken, is all that is left
  kBadId,
};
constexpr int kOpKinds = static_cast<int>(OpKind::kBadId) + 1;

struct Op {
  OpKind kind = OpKind::kExtend;
  std::uint32_t seq = 0;
  std::uint32_t other = 0;
  std::uint32_t n = 1;
  std::uint32_t count = 1;
  std::uint32_t n_ubatch = 8;
  std::int32_t fail = -1;        // micro-batch whose computation fails
  std::int32_t fail_alloc = -1;  // allocation that fails
  std::uint32_t salt = 0;        // of tokens, lengths and the owner's answers
};

std::string to_string(const Op& op);

class World {
 public:
  explicit World(const WorldConfig& config);

  // Applies an operation to both; empty, or how they differ.
  std::string apply(const Op& op);

  // As after every operation, and every free row is zero in every tensor.
  std::string compare_thoroughly();

 private:
  void open();

  struct Holders {
    int n_seqs = 0;
    int n_pins = 0;
    int n_holders() const { return n_seqs + n_pins; }
  };
  struct PageList {
    std::int64_t first = 0;
    std::vector<std::shared_ptr<int>> pages;
    std::int64_t end() const { return first + static_cast<std::int64_t>(pages.size()); }
  };
  struct Label : Holders {
    std::vector<PageList> lists;  // by group of windows
  };
  // What a plan needs: labels, and pages by group; of windows that are never full, none.
  struct Needs {
    int n_labels = 0;
    std::vector<std::int64_t> n_pages;
    std::map<std::uint32_t, bool> in_place;  // by sequence: alone when it is first placed
  };
  struct Need {  // with all checkpoints, and without
    Needs pinned, unpinned;
  };
  struct Seq {
    SeqStatus status = SeqStatus::kEmpty;
    std::vector<Token> tokens;  // of a lost or parked sequence: what they were
    std::uint64_t base = 0;     // the hash that it began from
    std::uint64_t hash = 0;
    int label = -1;
  };
  struct Pin {
    Checkpoint handle;
    Seq state;
  };
  struct Blob {
    std::vector<std::byte> bytes;
    Seq state;
  };
  struct Dump {
    std::vector<std::byte> bytes;
    std::vector<Seq> seqs;
  };

  void extend(const Op& op);
  void compute(RecurrentContext& context, const std::vector<BatchPart>& batch, const Op& op);
  bool compute_one(RecurrentContext& context, const Op& op, bool fails);
  void remove(const Op& op);
  void remove_part(const Op& op);
  void rewind(const Op& op);
  void fork(const Op& op);
  void keep(const Op& op);
  void clear(const Op& op);
  void shift(const Op& op);
  void checkpoint(const Op& op);
  void start(const Op& op);
  void write(const Op& op);
  void read(const Op& op, const Blob& blob);
  void begin(const Op& op, Blob blob);
  void dump(const Op& op);
  void load(const Op& op);
  void corrupt(const Op& op);
  void park(const Op& op);
  void recover(const Op& op);
  void crash();
  void bad_id(const Op& op);

  // The model.
  int new_label();
  void hold(Seq& seq, int label);
  void let_go(Seq& seq, SeqStatus status);
  void unpin(std::size_t pin);
  int n_labels(bool with_pins) const;  // held labels: cells in use
  Needs needs(const std::vector<std::vector<std::uint32_t>>& ubatches, bool with_pins) const;
  Need need_of(const std::vector<BatchPart>& batch, std::uint32_t n_ubatch) const;
  Need need_of_state(std::uint32_t seq, std::size_t n_tokens) const;
  std::int64_t growth(std::uint32_t seq, std::size_t n, std::size_t n_at_once, bool in_place,
                      std::size_t group) const;
  bool fits(const Needs& needs, bool with_pins) const;
  std::int64_t n_pages_used(std::size_t group, bool with_pins) const;
  void grow(Label& label, std::size_t n_before, std::size_t n_after);
  void cut_off(Label& label, std::size_t n_tokens);
  void compare_pages();
  void remove_end(const Op& op, std::size_t n_tokens);
  std::vector<std::vector<std::uint32_t>> cut(const std::vector<BatchPart>& batch,
                                              std::uint32_t n_ubatch) const;
  // After a call that makes room: which checkpoints and idle sequences went, and whether they had
  // to. `ok`: whether the call succeeded.
  void account_for_room(bool ok, const Need& need, const std::vector<std::uint32_t>& in_use);

  void expect(bool condition, const char* what);
  void compare();
  void compare_state(std::uint32_t seq);
  std::optional<std::uint64_t> hash_at(const StateTensor& tensor, CellId cell) const;
  template <class F>
  bool with_failing_allocation(const Op& op, const F& f);

  WorldConfig config_;
  TestDevice device_;
  std::unique_ptr<RecurrentMemory> memory_;
  std::vector<StateTensor> tensors_;
  std::vector<std::uint64_t> keys_;  // of the tensors
  std::vector<int> groups_;          // the windows, each once
  std::uint32_t n_compared_ = 0;
  std::vector<Label> labels_;
  std::vector<int> free_labels_;
  std::vector<Seq> seqs_;
  std::vector<Pin> pins_;
  std::vector<Checkpoint> evicted_;  // handles that must know it, whatever comes
  std::vector<Blob> blobs_;
  std::vector<Dump> dumps_;
  std::map<std::uint32_t, Blob> parked_;    // the owner's store
  std::map<std::uint32_t, Blob> accepted_;  // in the current call
  std::uint32_t park_salt_ = 0;
  bool replay_fails_ = false;
  bool has_failed_alloc_ = false;
  std::string difference_;
};

}  // namespace eddy::test

// The harness of the law tests: a random model with ops, memory and scratch, fed by a few verbs.
//
//   Harness h(c);
//   Rows rows = h.feed(0, tokens);  // the logits after each of the tokens, as bits
//   h.remove(0);
//
// Every verb checks the memory's invariants afterwards, and fails the test where something returns
// an error.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eddy/types.h"
#include "laws/cases.h"
#include "memory/recurrent_memory.h"
#include "models/model.h"
#include "models/recurrences.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy::laws {

// Logits as bits, so that comparing them compares bits: by token, {n_vocab}.
using Row = std::vector<std::uint32_t>;
using Rows = std::vector<Row>;
using Tokens = std::vector<Token>;
using Bytes = std::vector<std::byte>;

// n tokens inside the smallest vocabulary of the cases. Another seed, other tokens.
Tokens make_tokens(std::size_t n, std::uint64_t seed);
Tokens joined(Tokens a, const Tokens& b);

// Elements first .. last - 1.
Tokens slice(const Tokens& tokens, std::size_t first, std::size_t last);
Rows slice(const Rows& rows, std::size_t first, std::size_t last);
void append(Rows& rows, const Rows& more);

// Says where the first difference is.
testing::AssertionResult same_bits(const Rows& found, const Rows& expected);

// The next tokens of one sequence.
struct Part {
  int seq;
  Tokens tokens;
  Outputs outputs = Outputs::kAll;
};

// How a harness computes.
struct Setting {
  int n_threads = 1;
  std::string isa = {};  // "": the best of this machine
  std::uint32_t mem_size = 21;
  std::uint32_t n_seq_max = 6;
  std::uint32_t n_ubatch_max = 96;
  std::uint32_t kv_size = 2048;  // positions of K and V
  std::uint32_t n_rewind = 32;   // tokens of the update log; 0: none
};

class Harness {
 public:
  explicit Harness(const Case& c, const Setting& setting = {});

  // Appends tokens to a sequence, in micro-batches of at most n_ubatch tokens; the logits after
  // each of them.
  Rows feed(int seq, const Tokens& tokens, std::uint32_t n_ubatch = 96);

  // The same for several sequences at once; the logits that each part asked for.
  std::vector<Rows> feed_batch(const std::vector<Part>& parts, std::uint32_t n_ubatch = 96);

  // Takes micro-batch number fail_at, from 0, back after it was computed. False if there are not so
  // many; then all of them are published.
  bool feed_and_fail(const std::vector<Part>& parts, std::uint32_t n_ubatch, int fail_at);

  // feed_batch with other ops, that may fail; gives the error back.
  Status try_feed_batch(Ops& ops, const std::vector<Part>& parts, std::uint32_t n_ubatch);

  void remove(int seq);
  void rewind(int seq, std::int64_t n_tokens);      // keeps so many
  bool try_rewind(int seq, std::int64_t n_tokens);  // false: the memory cannot go back there
  std::int64_t shortest(int seq);                   // the fewest tokens that it can go back to
  void fork(int from, int to);
  Bytes save(int seq);
  void restore(int seq, const Bytes& bytes);
  Checkpoint checkpoint(int seq);
  void start(int seq, const Checkpoint& checkpoint);
  bool is_lost(int seq);
  std::int64_t length(int seq);  // tokens consumed

  // Fills the scratch, and every row of R and S and page of K and V but those of living sequences,
  // with NaN.
  void poison_free_rows();

  Ops& ops() { return *ops_; }

 private:
  Status run(Ops& ops, const std::vector<Part>& parts, std::uint32_t n_ubatch, int fail_at,
             std::vector<Rows>& rows);
  Status compute(Ops& ops, RecurrentContext& context, std::vector<Rows>& rows);
  void note_pages(int seq, std::size_t i, const RecurrentContext& context);
  void poison_free_pages(std::size_t il, const KvPages& pages);
  void check();

  std::unique_ptr<Ops> ops_;
  std::unique_ptr<const Model> model_;
  std::unique_ptr<RecurrentMemory> memory_;
  std::unique_ptr<Scratch> scratch_;
  Recurrences recurrences_;
  std::vector<float> logits_;
  std::map<int, std::int32_t> row_of_;  // by sequence: the row that it wrote last
  std::map<int, std::vector<std::vector<std::int32_t>>>
      pages_of_;  // by sequence and layer: its own
};

}  // namespace eddy::laws

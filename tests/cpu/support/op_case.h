// A case of an op: its shape, its inputs for every token of every sequence, how to call it, and
// what it should compute. The equality, invariance and accuracy tests and the benchmark walk over a
// list of them (op_cases.h).
//
// A case knows n_seqs sequences of n_tokens tokens. run() feeds them to the ops by a schedule: any
// cut into calls, any order of lanes, in place or into another row. Rows that hold nothing live are
// full of NaN. Ops without state are fed the same way; for them a token is a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reference/ops_reference.h"
#include "tensor/ops.h"

namespace eddy::test {

// The next n_tokens of a sequence; `moves`: the state goes to another row.
struct Feed {
  int seq = 0;
  int n_tokens = 1;
  bool moves = false;
};
using Call = std::vector<Feed>;
using Schedule = std::vector<Call>;

// What one call of an op gets.
struct OpCall {
  std::vector<ConstMat> inputs;
  std::span<const Lane> lanes;
  StateRows state;
  KvView kv;
  Mat out;
};

// The keys and values that a case keeps. Pages that hold nothing live, and rows of a page that
// nothing was written to, are full of NaN.
struct OpCaseKv {
  std::uint64_t k_elems = 0, v_elems = 0;  // of a token; 0: none
  DType type = DType::kF32;
  std::int32_t window = 0;  // pages that it does not show any more are taken away
  std::int32_t n_past = 0;  // positions before the first token, with K and V that do not matter
};

struct OpCaseShape {
  std::string name;
  int n_seqs = 1;
  int n_tokens = 1;
  std::vector<std::int64_t> n_inputs;  // elements for each token, for each input
  std::int64_t n_out = 0;
  std::uint64_t n_state = 0;  // elements of a state row; 0: none
  DType state_type = DType::kF32;
  OpCaseKv kv = {};
  double n_weight_bytes = 0;   // read in each call
  double n_multiply_adds = 0;  // for each token
};

class OpCase {
 public:
  explicit OpCase(OpCaseShape shape) : shape_(std::move(shape)) {}
  virtual ~OpCase() = default;

  const OpCaseShape& shape() const { return shape_; }

  virtual Status call(Ops& ops, const OpCall& call) const = 0;

  // The outputs of one sequence, token by token, n_out each.
  virtual reference::Row reference(int seq) const = 0;

  // Input number `input` for a token, in [-1, 1) unless the case says otherwise.
  virtual float value(std::size_t input, int seq, int pos, std::int64_t i) const;

  // The same as a row for the references.
  reference::Row row(std::size_t input, int seq, int pos) const;

 private:
  OpCaseShape shape_;
};

using OpCases = std::vector<std::unique_ptr<OpCase>>;

// Bits of the outputs (token by token, n_out each), and of the last state row and the K and V that
// the window shows to the next token, by sequence.
struct OpResult {
  std::vector<std::vector<std::uint32_t>> out;
  std::vector<std::vector<std::byte>> state;
  std::vector<std::vector<std::byte>> kv;
  bool operator==(const OpResult&) const = default;
};

// All tokens of all sequences in one call, into new rows.
Schedule all_at_once(const OpCase& c);

// Runs the schedule, which feeds every sequence to its end. The first part of a sequence starts
// from the zero row. Fails the test where the op returns an error.
OpResult run(const OpCase& c, Ops& ops, const Schedule& schedule);

// One call with all tokens of all sequences, in place, for the benchmark.
class RepeatedCall {
 public:
  explicit RepeatedCall(const OpCase& c);
  ~RepeatedCall();
  Status call(Ops& ops);

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

// Uniform in [-1, 1), a function of the key alone.
float noise(std::uint64_t key);

}  // namespace eddy::test

// Cases of the ops of Griffin: soft_cap, rg_lru.
#include <algorithm>

#include "cpu/support/case_parts.h"
#include "cpu/support/weights.h"
#include "reference/griffin_ops.h"

namespace eddy::test {
namespace {

using reference::Row;

class SoftCapCase final : public OpCase {
 public:
  SoftCapCase(std::int64_t n, Load load)
      : OpCase({.name = fmt::format("soft_cap/{}/{}", n, load_name(load)),
                .n_seqs = load.n_seqs,
                .n_tokens = load.n_tokens,
                .n_inputs = {n},
                .n_out = n}) {}

  Status call(Ops& ops, const OpCall& call) const override {
    for (std::int64_t t = 0; t < call.out.n_tokens; ++t) {
      std::copy_n(call.inputs[0].token(t), call.out.n, call.out.token(t));
    }
    return ops.soft_cap({.x = call.out, .cap = kCap});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) { return reference::soft_cap(row(0, seq, pos), kCap); });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return OpCase::value(input, seq, pos, i) * 90;
  }

 private:
  static constexpr float kCap = 30;
};

struct RgLruShape {
  std::int64_t n;
  DType type = DType::kF32;
  Load load = {};
};

class RgLruCase final : public OpCase {
 public:
  explicit RgLruCase(RgLruShape s)
      : OpCase({.name = fmt::format("rg_lru/{}/{}/{}", dtype_name(s.type), s.n, load_name(s.load)),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n, s.n, s.n},
                .n_out = s.n,
                .n_state = elems(s.n),
                .state_type = s.type}),
        s_(s),
        bias_x_(make_vector(s.n, -1, 1)),
        bias_a_(make_vector(s.n, -2, 2)),
        decay_(make_vector(s.n, -1, 0)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.rg_lru({.x = call.inputs[0],
                       .gate_x = call.inputs[1],
                       .gate_a = call.inputs[2],
                       .bias_x = bias_x_.floats,
                       .bias_a = bias_a_.floats,
                       .decay = decay_.floats,
                       .lanes = call.lanes,
                       .state = call.state,
                       .out = call.out});
  }
  Row reference(int seq) const override {
    Row h;
    return each_token(*this, [&](int pos) {
      return reference::rg_lru(
          {.x = row(0, seq, pos), .gate_x = row(1, seq, pos), .gate_a = row(2, seq, pos)},
          {bias_x_.values, bias_a_.values, decay_.values}, state_type(s_.type), h);
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return OpCase::value(input, seq, pos, i) * (input == 0 ? 1.0f : 4.0f);
  }

 private:
  RgLruShape s_;
  RandomVector bias_x_, bias_a_, decay_;
};

}  // namespace

void add_small_griffin_cases(OpCases& cases) {
  for (const std::int64_t n : {1, 64, 101}) {
    add<SoftCapCase>(cases, n, Load{});
    for (const DType type : kStateTypes) add<RgLruCase>(cases, RgLruShape{n, type});
  }
  add<RgLruCase>(cases, RgLruShape{40, DType::kF32, {2, 70}});
}

// RecurrentGemma 2B.
void add_model_griffin_cases(OpCases& cases) {
  for (const Load load : {Load{1, 1}, Load{32, 1}, Load{1, 512}}) {
    add<RgLruCase>(cases, RgLruShape{2560, DType::kF32, load});
    if (load.n_tokens == 1) add<SoftCapCase>(cases, 256000, load);
  }
}

}  // namespace eddy::test

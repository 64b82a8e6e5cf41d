// The cases of LayerNorm, the activations and the gate.
#include <algorithm>

#include "cpu/support/activations.h"
#include "cpu/support/case_parts.h"
#include "cpu/support/weights.h"

namespace eddy::test {
namespace {

using reference::Row;

class LayerNormCase final : public OpCase {
 public:
  explicit LayerNormCase(std::int64_t n, Load load = {})
      : OpCase({.name = fmt::format("layer_norm/{}/{}", n, load_name(load)),
                .n_seqs = load.n_seqs,
                .n_tokens = load.n_tokens,
                .n_inputs = {n},
                .n_out = n}),
        weight_(make_vector(n, -2, 2)),
        bias_(make_vector(n, -1, 1)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.layer_norm({.x = call.inputs[0],
                           .weight = weight_.floats,
                           .bias = bias_.floats,
                           .eps = kEps,
                           .out = call.out});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      return reference::layer_norm(row(0, seq, pos), weight_.values, bias_.values, kEps);
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return OpCase::value(input, seq, pos, i) + 0.5f;  // a mean that matters
  }

 private:
  static constexpr float kEps = 1e-5f;
  RandomVector weight_, bias_;
};

// Small and large arguments, zeros and the ends of the range of exp.
float wide(float v, int pos) {
  constexpr float kScales[] = {0, 0x1p-20f, 0.1f, 1, 4, 20, 100, 300};
  return v * kScales[pos % 8];
}

struct ActivateShape {
  Activation function;
  std::int64_t n;
  bool has_bias = false;
  float scale = 1;
  Load load = {};
};

class ActivateCase final : public OpCase {
 public:
  explicit ActivateCase(ActivateShape s)
      : OpCase({.name = fmt::format("activate/{}/{}/{}{}", name_of(s.function), s.n,
                                    load_name(s.load), s.has_bias ? "/bias" : ""),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n},
                .n_out = s.n}),
        s_(s),
        bias_(s.has_bias ? make_vector(s.n, -1, 1) : RandomVector()) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.activate({.x = call.inputs[0],
                         .bias = bias_.floats,
                         .function = s_.function,
                         .scale = s_.scale,
                         .out = call.out});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      Row x = row(0, seq, pos);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (s_.has_bias) x[i] = x[i] + reference::exact(bias_.values[i]);
        x[i] = reference::exact(s_.scale) * activated(s_.function, x[i]);
      }
      return x;
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return wide(OpCase::value(input, seq, pos, i), pos);
  }

 private:
  ActivateShape s_;
  RandomVector bias_;
};

struct GateShape {
  Activation function;
  std::int64_t n;
  bool accumulate = false;
  Load load = {};
};

class GateCase final : public OpCase {
 public:
  explicit GateCase(GateShape s)
      : OpCase({.name = fmt::format("gate/{}/{}/{}{}", name_of(s.function), s.n, load_name(s.load),
                                    s.accumulate ? "/accumulate" : ""),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n, s.n, s.n},
                .n_out = s.n}),
        s_(s) {}

  Status call(Ops& ops, const OpCall& call) const override {
    for (std::int64_t t = 0; s_.accumulate && t < call.out.n_tokens; ++t) {
      std::copy_n(call.inputs[2].token(t), s_.n, call.out.token(t));
    }
    return ops.gate({.x = call.inputs[0],
                     .gate = call.inputs[1],
                     .function = s_.function,
                     .accumulate = s_.accumulate,
                     .out = call.out});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      const Row x = row(0, seq, pos), gate = row(1, seq, pos), base = row(2, seq, pos);
      Row out;
      for (std::size_t i = 0; i < x.size(); ++i) {
        out.push_back(activated(s_.function, gate[i]) * x[i]);
        if (s_.accumulate) out.back() = out.back() + base[i];
      }
      return out;
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    const float v = OpCase::value(input, seq, pos, i);
    return input == 1 ? wide(v, pos) : v;
  }

 private:
  GateShape s_;
};

}  // namespace

void add_small_elementwise_cases(OpCases& cases) {
  for (const std::int64_t n : {1, 16, 100, 768}) add<LayerNormCase>(cases, n);
  for (const Activation function : kActivations) {
    add<ActivateCase>(cases, ActivateShape{function, 37});
    add<ActivateCase>(cases, ActivateShape{function, 64, true, 0.5f});
    add<GateCase>(cases, GateShape{function, 64});
    add<GateCase>(cases, GateShape{function, 37, true});
  }
}

void add_model_elementwise_cases(OpCases& cases) {
  constexpr std::int64_t n_embd = 768;
  for (const Load load : {Load{1, 1}, Load{32, 1}, Load{1, 512}}) {
    add<LayerNormCase>(cases, n_embd, load);
    add<ActivateCase>(cases, ActivateShape{Activation::kReluSquared, 4 * n_embd, false, 1, load});
    add<ActivateCase>(cases, ActivateShape{Activation::kTanh, 64, false, 1, load});
    add<GateCase>(cases, GateShape{Activation::kSigmoid, n_embd, true, load});
  }
}

}  // namespace eddy::test

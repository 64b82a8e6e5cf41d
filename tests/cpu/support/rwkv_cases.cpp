// The cases of RWKV's ops.
#include <algorithm>
#include <cmath>

#include "cpu/support/activations.h"
#include "cpu/support/case_parts.h"
#include "cpu/support/weights.h"
#include "reference/rwkv_ops_reference.h"

namespace eddy::test {
namespace {

using reference::Bounded;
using reference::Row;

// Vector c of those that lie one behind the other in every token.
Mat vector_of(Mat all, std::int64_t n, std::int64_t c) { return all.part(c * n, n); }

struct ShiftShape {
  std::int64_t n, n_out;
  DType type = DType::kF32;
  Load load = {};
};

// Two shifts of a row of S, one behind the other, as a layer has.
class TokenShiftCase final : public OpCase {
 public:
  explicit TokenShiftCase(ShiftShape s)
      : OpCase({.name = fmt::format("token_shift/{}/{}-{}/{}", dtype_name(s.type), s.n, s.n_out,
                                    load_name(s.load)),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n, s.n},
                .n_out = 2 * (s.n_out + 1) * s.n,
                .n_state = elems(2 * s.n),
                .state_type = s.type}),
        s_(s),
        lerp_(make_vector(s.n * s.n_out, 0, 1)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    const std::int64_t n_half = call.out.n / 2;
    for (const std::int64_t i : {0, 1}) {
      const Mat out = vector_of(call.out, n_half, i);
      const Status status = ops.token_shift({.x = call.inputs[size(i)],
                                             .lerp = lerp_.floats,
                                             .lanes = call.lanes,
                                             .state = call.state,
                                             .first = i * s_.n,
                                             .out = out.part(0, s_.n * s_.n_out),
                                             .delta = out.part(s_.n * s_.n_out, s_.n)});
      if (!status.ok()) return status;
    }
    return {};
  }
  Row reference(int seq) const override {
    Row before[2] = {Row(size(s_.n)), Row(size(s_.n))};
    return each_token(*this, [&](int pos) {
      Row out;
      for (const std::size_t i : {0U, 1U}) {
        const Row half =
            reference::token_shift(row(i, seq, pos), lerp_.values, state_type(s_.type), before[i]);
        out.insert(out.end(), half.begin(), half.end());
      }
      return out;
    });
  }

 private:
  ShiftShape s_;
  RandomVector lerp_;
};

class DdlerpCase final : public OpCase {
 public:
  DdlerpCase(std::int64_t n, std::int64_t n_out, Load load = {})
      : OpCase({.name = fmt::format("ddlerp/{}-{}/{}", n, n_out, load_name(load)),
                .n_seqs = load.n_seqs,
                .n_tokens = load.n_tokens,
                .n_inputs = {n, n, n * n_out},
                .n_out = n * n_out}),
        lerp_(make_vector(n * n_out, 0, 1)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.ddlerp({.x = call.inputs[0],
                       .delta = call.inputs[1],
                       .lerp = lerp_.floats,
                       .mix = call.inputs[2],
                       .out = call.out});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      return reference::ddlerp(row(0, seq, pos), row(1, seq, pos), lerp_.values, row(2, seq, pos));
    });
  }

 private:
  RandomVector lerp_;
};

struct HeadsShape {
  std::int64_t n_head, head_size;
  std::int64_t n_head_kv = 0;  // 0: n_head, and RWKV; else gated linear attention
  DType type = DType::kF32;
  Load load = {};

  std::int64_t n() const { return n_head * head_size; }
  std::int64_t n_kv() const { return (is_gla() ? n_head_kv : n_head) * head_size; }
  bool is_gla() const { return n_head_kv > 0; }
};

std::string heads_name(std::string_view op, const HeadsShape& s) {
  return fmt::format("{}{}/{}/{}-{}-{}/{}", op, s.is_gla() ? "_gla" : "", dtype_name(s.type),
                     s.n_head, s.head_size, s.n_kv() / s.head_size, load_name(s.load));
}

class Wkv6DecayCase final : public OpCase {
 public:
  explicit Wkv6DecayCase(HeadsShape s)
      : OpCase({.name = heads_name("wkv6_decay", s),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n(), s.n_kv()},
                .n_out = s.is_gla() ? 2 * s.n() : s.n()}),
        s_(s),
        bias_(make_vector(s.n(), -4, 1)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.wkv6_decay({.x = call.inputs[0],
                           .bias = bias_.floats,
                           .k = s_.is_gla() ? call.inputs[1] : ConstMat(),
                           .head_size = s_.head_size,
                           .w = vector_of(call.out, s_.n(), 0),
                           .key = s_.is_gla() ? vector_of(call.out, s_.n(), 1) : Mat()});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      Row w = reference::wkv6_decay(row(0, seq, pos), bias_.values);
      if (!s_.is_gla()) return w;
      const Row keys = reference::gla_keys(w, row(1, seq, pos), size(s_.head_size));
      w.insert(w.end(), keys.begin(), keys.end());
      return w;
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return 3 * OpCase::value(input, seq, pos, i);
  }

 private:
  HeadsShape s_;
  RandomVector bias_;
};

// Decays between 0.4 and 1, as trained ones are.
float decay_of(float v) { return 0.7f + 0.3f * v; }

class Wkv6Case final : public OpCase {
 public:
  explicit Wkv6Case(HeadsShape s)
      : OpCase({.name = heads_name("wkv6", s),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n(), s.n(), s.n(), s.n_kv()},
                .n_out = s.n(),
                .n_state = wkv_state_elems(s.n_head, s.head_size),
                .state_type = s.type,
                .n_multiply_adds = 3 * real(s.n()) * real(s.head_size)}),
        s_(s),
        u_(s.is_gla() ? RandomVector() : make_vector(s.n(), -1, 1)),
        scale_(s.is_gla() ? 0.35f : 1) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.wkv6({.r = call.inputs[0],
                     .w = call.inputs[1],
                     .k = call.inputs[2],
                     .v = call.inputs[3],
                     .u = u_.floats,
                     .head_size = s_.head_size,
                     .scale = scale_,
                     .lanes = call.lanes,
                     .state = call.state,
                     .out = call.out});
  }
  Row reference(int seq) const override {
    Row state(size(s_.n() * s_.head_size));
    return each_token(*this, [&](int pos) {
      const reference::WkvToken in = {.r = row(0, seq, pos),
                                      .w = row(1, seq, pos),
                                      .k = row(2, seq, pos),
                                      .v = row(3, seq, pos),
                                      .a = {},
                                      .b = {}};
      return reference::wkv6(in, u_.values, scale_, size(s_.head_size), state_type(s_.type), state);
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    const float v = OpCase::value(input, seq, pos, i);
    return input == 1 ? decay_of(v) : v;
  }

 private:
  HeadsShape s_;
  RandomVector u_;
  float scale_;
};

class Wkv7PrepareCase final : public OpCase {
 public:
  Wkv7PrepareCase(HeadsShape s, bool has_v_first)
      : OpCase({.name = heads_name("wkv7_prepare", s) + (has_v_first ? "/v_first" : ""),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = std::vector<std::int64_t>(6, s.n()),
                .n_out = 5 * s.n()}),
        s_(s),
        has_v_first_(has_v_first),
        w_bias_(make_vector(s.n(), -6, 1)),
        a_bias_(make_vector(s.n(), -2, 1)),
        v_bias_(make_vector(s.n(), -1, 2)),
        k_k_(make_vector(s.n(), 0.5, 1)),
        k_a_(make_vector(s.n(), -0.1f, 1.1f)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    const std::int64_t n = s_.n();
    for (std::int64_t t = 0; t < call.out.n_tokens; ++t) {
      for (std::size_t i = 0; i < 4; ++i) {
        std::copy_n(call.inputs[i].token(t), n,
                    call.out.token(t) + static_cast<std::int64_t>(i) * n);
      }
    }
    return ops.wkv7_prepare({.w_bias = w_bias_.floats,
                             .a_bias = a_bias_.floats,
                             .v_bias = v_bias_.floats,
                             .k_k = k_k_.floats,
                             .k_a = k_a_.floats,
                             .head_size = s_.head_size,
                             .v_first = has_v_first_ ? call.inputs[4] : ConstMat(),
                             .v_mix = has_v_first_ ? call.inputs[5] : ConstMat(),
                             .w = vector_of(call.out, n, 0),
                             .k = vector_of(call.out, n, 1),
                             .v = vector_of(call.out, n, 2),
                             .a = vector_of(call.out, n, 3),
                             .b = vector_of(call.out, n, 4)});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      return reference::wkv7_prepare({.w = row(0, seq, pos),
                                      .k = row(1, seq, pos),
                                      .v = row(2, seq, pos),
                                      .a = row(3, seq, pos),
                                      .v_first = row(4, seq, pos),
                                      .v_mix = row(5, seq, pos)},
                                     {.w_bias = w_bias_.values,
                                      .a_bias = a_bias_.values,
                                      .v_bias = v_bias_.values,
                                      .k_k = k_k_.values,
                                      .k_a = k_a_.values},
                                     size(s_.head_size), has_v_first_);
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    if (input == 1 && pos == 2) return 0;  // a key without a direction
    return 2 * OpCase::value(input, seq, pos, i);
  }

 private:
  HeadsShape s_;
  bool has_v_first_;
  RandomVector w_bias_, a_bias_, v_bias_, k_k_, k_a_;
};

class Wkv7Case final : public OpCase {
 public:
  explicit Wkv7Case(HeadsShape s)
      : OpCase({.name = heads_name("wkv7", s),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = std::vector<std::int64_t>(6, s.n()),
                .n_out = s.n(),
                .n_state = wkv_state_elems(s.n_head, s.head_size),
                .state_type = s.type,
                .n_multiply_adds = 5 * real(s.n()) * real(s.head_size)}),
        s_(s) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.wkv7({.r = call.inputs[0],
                     .w = call.inputs[1],
                     .k = call.inputs[2],
                     .v = call.inputs[3],
                     .a = call.inputs[4],
                     .b = call.inputs[5],
                     .head_size = s_.head_size,
                     .lanes = call.lanes,
                     .state = call.state,
                     .out = call.out});
  }
  Row reference(int seq) const override {
    Row state(size(s_.n() * s_.head_size));
    return each_token(*this, [&](int pos) {
      const reference::WkvToken in = {.r = row(0, seq, pos),
                                      .w = row(1, seq, pos),
                                      .k = row(2, seq, pos),
                                      .v = row(3, seq, pos),
                                      .a = row(4, seq, pos),
                                      .b = row(5, seq, pos)};
      return reference::wkv7(in, size(s_.head_size), state_type(s_.type), state);
    });
  }
  // a and b as parts of vectors of length one.
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    const float v = OpCase::value(input, seq, pos, i);
    if (input >= 4) return v / std::sqrt(static_cast<float>(s_.head_size));
    return input == 1 ? decay_of(v) : v;
  }

 private:
  HeadsShape s_;
};

struct WkvOutputShape {
  HeadsShape heads;
  bool has_norm = true, has_bonus = true, has_gate = true;
  Activation function = Activation::kIdentity;
};

class WkvOutputCase final : public OpCase {
 public:
  explicit WkvOutputCase(WkvOutputShape s)
      : OpCase({.name = heads_name("wkv_output", s.heads) + (s.has_norm ? "/norm" : "") +
                        (s.has_bonus ? "/bonus" : "") +
                        (s.has_gate ? fmt::format("/{}", name_of(s.function)) : ""),
                .n_seqs = s.heads.load.n_seqs,
                .n_tokens = s.heads.load.n_tokens,
                .n_inputs = std::vector<std::int64_t>(5, s.heads.n()),
                .n_out = s.heads.n()}),
        s_(s),
        weight_(s.has_norm ? make_vector(s.heads.n(), -2, 2) : RandomVector()),
        bias_(s.has_norm ? make_vector(s.heads.n(), -1, 1) : RandomVector()),
        r_k_(s.has_bonus ? make_vector(s.heads.n(), -1, 1) : RandomVector()) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.wkv_output({.x = call.inputs[0],
                           .weight = weight_.floats,
                           .bias = bias_.floats,
                           .r_k = r_k_.floats,
                           .r = call.inputs[1],
                           .k = call.inputs[2],
                           .v = call.inputs[3],
                           .gate = s_.has_gate ? call.inputs[4] : ConstMat(),
                           .function = s_.function,
                           .head_size = s_.heads.head_size,
                           .eps = kEps,
                           .out = call.out});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      Row gate = row(4, seq, pos);
      for (Bounded& v : gate) v = activated(s_.function, v);
      return reference::wkv_output({.x = row(0, seq, pos),
                                    .r = row(1, seq, pos),
                                    .k = row(2, seq, pos),
                                    .v = row(3, seq, pos),
                                    .gate = s_.has_gate ? gate : Row()},
                                   {weight_.values, bias_.values, r_k_.values},
                                   size(s_.heads.head_size), kEps);
    });
  }

 private:
  static constexpr float kEps = 64e-5f;
  WkvOutputShape s_;
  RandomVector weight_, bias_, r_k_;
};

}  // namespace

void add_small_rwkv_cases(OpCases& cases) {
  for (const DType type : kStateTypes) {
    add<TokenShiftCase>(cases, ShiftShape{1, 1, type});
    add<TokenShiftCase>(cases, ShiftShape{100, 6, type});
    add<TokenShiftCase>(cases, ShiftShape{64, 2, type, {2, 70}});
    for (const std::int64_t head_size : {1, 12, 16, 40}) {
      add<Wkv6Case>(cases, HeadsShape{2, head_size, 0, type});
      add<Wkv6Case>(cases, HeadsShape{6, head_size, 3, type});
      add<Wkv7Case>(cases, HeadsShape{3, head_size, 0, type});
    }
    add<Wkv6Case>(cases, HeadsShape{2, 64, 0, type, {2, 36}});
    add<Wkv6Case>(cases, HeadsShape{2, 128, 1, type, {1, 3}});
    add<Wkv7Case>(cases, HeadsShape{2, 64, 0, type, {3, 5}});
    add<Wkv7Case>(cases, HeadsShape{3, 16, 0, type, {2, 70}});
  }
  add<DdlerpCase>(cases, 37, 5);
  add<DdlerpCase>(cases, 64, 1);
  for (const std::int64_t head_size : {1, 12, 64}) {
    add<Wkv6DecayCase>(cases, HeadsShape{4, head_size});
    add<Wkv6DecayCase>(cases, HeadsShape{4, head_size, 2});
    add<Wkv7PrepareCase>(cases, HeadsShape{3, head_size}, false);
    add<Wkv7PrepareCase>(cases, HeadsShape{3, head_size}, true);
    const HeadsShape heads = {3, head_size};
    add<WkvOutputCase>(cases, WkvOutputShape{heads});
    add<WkvOutputCase>(cases, WkvOutputShape{heads, true, false, true, Activation::kSilu});
    add<WkvOutputCase>(cases, WkvOutputShape{heads, false, true, false});
    add<WkvOutputCase>(cases, WkvOutputShape{heads, false, false, true, Activation::kSigmoid});
  }
}

void add_model_rwkv_cases(OpCases& cases) {
  constexpr std::int64_t n_embd = 768;
  for (const Load load : {Load{1, 1}, Load{32, 1}, Load{1, 512}}) {
    const HeadsShape heads = {12, 64, 0, DType::kF32, load};
    add<TokenShiftCase>(cases, ShiftShape{n_embd, 6, DType::kF32, load});
    add<DdlerpCase>(cases, n_embd, 5, load);
    add<Wkv6DecayCase>(cases, heads);
    add<Wkv7PrepareCase>(cases, heads, true);
    add<WkvOutputCase>(cases, WkvOutputShape{heads});
    for (const DType type : {DType::kF32, DType::kF16}) {
      add<Wkv6Case>(cases, HeadsShape{12, 64, 0, type, load});
      add<Wkv7Case>(cases, HeadsShape{12, 64, 0, type, load});
    }
  }
}

}  // namespace eddy::test

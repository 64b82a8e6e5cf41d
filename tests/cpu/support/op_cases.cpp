#include "cpu/support/op_cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "cpu/support/case_parts.h"
#include "cpu/support/weights.h"

namespace eddy::test {
namespace {

using reference::Row;

constexpr DType kDenseTypes[] = {DType::kF32, DType::kF16, DType::kBF16};
constexpr DType kTypesOf32[] = {DType::kQ8_0, DType::kQ4_0,   DType::kQ4_1, DType::kQ5_0,
                                DType::kQ5_1, DType::kIQ4_NL, DType::kMXFP4};
constexpr DType kTypesOf256[] = {DType::kQ2_K, DType::kQ3_K, DType::kQ4_K,
                                 DType::kQ5_K, DType::kQ6_K, DType::kIQ4_XS};

class EmbedCase final : public OpCase {
 public:
  explicit EmbedCase(DType type, std::int64_t n, float scale = 1)
      : OpCase({.name = fmt::format("embed/{}/{}/{}", dtype_name(type), n, scale),
                .n_seqs = 3,
                .n_tokens = 9,
                .n_inputs = {1},
                .n_out = n}),
        table_(make_weight(type, n, kVocab)),
        scale_(scale) {}

  Status call(Ops& ops, const OpCall& call) const override {
    std::vector<Token> tokens;
    for (std::int64_t t = 0; t < call.out.n_tokens; ++t) {
      tokens.push_back(Token(static_cast<std::int32_t>(*call.inputs[0].token(t))));
    }
    return ops.embed({.table = table_.view(), .tokens = tokens, .scale = scale_, .out = call.out});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      Row out;
      const auto first = static_cast<std::int64_t>(value(0, seq, pos, 0)) * table_.n_in;
      for (std::int64_t i = 0; i < table_.n_in; ++i) {
        const reference::Bounded v = reference::exact(table_.values[size(first + i)]);
        out.push_back(scale_ == 1 ? v : v * reference::exact(scale_));
      }
      return out;
    });
  }
  float value(std::size_t, int seq, int pos, std::int64_t) const override {
    return static_cast<float>((seq * 5 + pos * 3) % kVocab);
  }

 private:
  static constexpr std::int64_t kVocab = 11;
  RandomWeight table_;
  float scale_;
};

struct LinearShape {
  DType type;
  std::int64_t n_in, n_out;
  bool accumulate = false;
  bool is_exact = false;  // x that int8 holds without error
  Load load = {};
  bool has_bias = false;
};

class LinearCase final : public OpCase {
 public:
  explicit LinearCase(LinearShape s)
      : OpCase({.name = fmt::format("linear/{}/{}-{}/{}{}{}{}", dtype_name(s.type), s.n_in, s.n_out,
                                    load_name(s.load), s.accumulate ? "/accumulate" : "",
                                    s.is_exact ? "/exact" : "", s.has_bias ? "/bias" : ""),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n_in, s.n_out},
                .n_out = s.n_out,
                .n_weight_bytes =
                    real(static_cast<std::int64_t>(row_bytes(s.type, elems(s.n_in)).value())) *
                    real(s.n_out),
                .n_multiply_adds = real(s.n_in) * real(s.n_out)}),
        s_(s),
        weight_(make_weight(s.type, s.n_in, s.n_out)),
        bias_(s.has_bias ? make_vector(s.n_out, -2, 2) : RandomVector()) {}

  Status call(Ops& ops, const OpCall& call) const override {
    for (std::int64_t t = 0; s_.accumulate && t < call.out.n_tokens; ++t) {
      std::copy_n(call.inputs[1].token(t), s_.n_out, call.out.token(t));
    }
    return ops.linear({.weight = weight_.view(),
                       .x = call.inputs[0],
                       .bias = bias_.floats,
                       .out = call.out,
                       .accumulate = s_.accumulate});
  }
  Row reference(int seq) const override {
    const bool is_rounded = !weight_.lows.empty() && !s_.is_exact;
    return each_token(*this, [&](int pos) {
      const Row x = row(0, seq, pos);
      Row out = weight_.lows.empty()
                    ? reference::linear(weight_.values, size(s_.n_out), x)
                    : reference::linear_blocks(weight_.scaled, weight_.lows, size(s_.n_out),
                                               is_rounded ? reference::quantised(x) : x);
      const Row base = row(1, seq, pos);
      for (std::size_t o = 0; o < out.size(); ++o) {
        if (s_.has_bias) out[o] = reference::exact(bias_.values[o]) + out[o];
        if (s_.accumulate) out[o] = base[o] + out[o];
      }
      return out;
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    const float v = OpCase::value(input, seq, pos, i);
    if (input == 1 || !s_.is_exact) return v;
    return i % 32 == pos % 32 ? -127.0f / 16 : static_cast<float>(static_cast<int>(v * 127)) / 16;
  }

 private:
  LinearShape s_;
  RandomWeight weight_;
  RandomVector bias_;
};

struct NormShape {
  std::int64_t n, group_size;
  bool has_weight = true;
  bool is_gated = false;
  Load load = {};
  bool has_bias = false;
};

class NormCase final : public OpCase {
 public:
  explicit NormCase(NormShape s)
      : OpCase({.name = fmt::format("{}/{}/{}/{}{}", s.is_gated ? "gated_rms_norm" : "rms_norm",
                                    s.n, s.group_size, load_name(s.load),
                                    !s.has_weight ? "/no_weight"
                                    : s.has_bias  ? "/bias"
                                                  : ""),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n, s.n},
                .n_out = s.n}),
        s_(s),
        weight_(s.has_weight ? make_vector(s.n, -2, 2) : RandomVector()),
        bias_(s.has_bias ? make_vector(s.n, -1, 1) : RandomVector()) {}

  Status call(Ops& ops, const OpCall& call) const override {
    if (s_.is_gated) {
      return ops.gated_rms_norm({.x = call.inputs[0],
                                 .gate = call.inputs[1],
                                 .weight = weight_.floats,
                                 .group_size = s_.group_size,
                                 .eps = kEps,
                                 .out = call.out});
    }
    return ops.rms_norm({.x = call.inputs[0],
                         .weight = weight_.floats,
                         .bias = bias_.floats,
                         .group_size = s_.group_size,
                         .eps = kEps,
                         .out = call.out});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      const Row x = row(0, seq, pos), gate = row(1, seq, pos);
      return s_.is_gated
                 ? reference::gated_rms_norm(x, gate, weight_.values, size(s_.group_size), kEps)
                 : reference::rms_norm(x, weight_.values, size(s_.group_size), kEps, bias_.values);
    });
  }

 private:
  static constexpr float kEps = 1e-5f;
  NormShape s_;
  RandomVector weight_, bias_;
};

struct ConvShape {
  std::int64_t n_channels, d_conv;
  DType type = DType::kF32;
  Load load = {};
  bool has_silu = true;
};

class ShortConvCase final : public OpCase {
 public:
  explicit ShortConvCase(ConvShape s)
      : OpCase({.name = fmt::format("short_conv/{}/{}-{}/{}{}", dtype_name(s.type), s.n_channels,
                                    s.d_conv, load_name(s.load), s.has_silu ? "" : "/plain"),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n_channels},
                .n_out = s.n_channels,
                .n_state = short_conv_state_elems(s.n_channels, s.d_conv),
                .state_type = s.type}),
        s_(s),
        weight_(make_vector(s.n_channels * s.d_conv, -1, 1)),
        bias_(make_vector(s.n_channels, -1, 1)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.short_conv({.x = call.inputs[0],
                           .weight = weight_.floats,
                           .bias = bias_.floats,
                           .d_conv = s_.d_conv,
                           .has_silu = s_.has_silu,
                           .lanes = call.lanes,
                           .state = call.state,
                           .out = call.out});
  }
  Row reference(int seq) const override {
    Row past(size(s_.n_channels * (s_.d_conv - 1)));
    return each_token(*this, [&](int pos) {
      Row out = reference::short_conv(row(0, seq, pos), weight_.values, bias_.values,
                                      size(s_.d_conv), state_type(s_.type), past);
      for (reference::Bounded& v : out) v = s_.has_silu ? reference::silu(v) : v;
      return out;
    });
  }

 private:
  ConvShape s_;
  RandomVector weight_, bias_;
};

struct SelectiveShape {
  std::int64_t d_inner, d_state;
  DType type = DType::kF32;
  Load load = {};
  float least_a = -4;  // below -20 some states decay to nothing within a token
};

class SelectiveScanCase final : public OpCase {
 public:
  explicit SelectiveScanCase(SelectiveShape s)
      : OpCase({.name = fmt::format("selective_scan/{}/{}-{}/{}{}", dtype_name(s.type), s.d_inner,
                                    s.d_state, load_name(s.load), s.least_a < -20 ? "/fast" : ""),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.d_inner, s.d_inner, s.d_state, s.d_state, s.d_inner},
                .n_out = s.d_inner,
                .n_state = selective_scan_state_elems(s.d_inner, s.d_state),
                .state_type = s.type}),
        s_(s),
        dt_bias_(make_vector(s.d_inner, -2, 1)),
        a_(make_vector(s.d_inner * s.d_state, s.least_a, 0)),
        a_in_sixteens_(selective_scan_state_elems(s.d_inner, s.d_state)),
        skip_(make_vector(s.d_inner, -1, 1)) {
    for (std::int64_t n = 0; n < s.d_state; ++n) {
      for (std::int64_t c = 0; c < s.d_inner; ++c) {
        a_in_sixteens_[size(c / 16 * 16 * s.d_state + 16 * n + c % 16)] =
            a_.floats[size(n * s.d_inner + c)];
      }
    }
  }

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.selective_scan({.x = call.inputs[0],
                               .dt = call.inputs[1],
                               .b = call.inputs[2],
                               .c = call.inputs[3],
                               .gate = call.inputs[4],
                               .dt_bias = dt_bias_.floats,
                               .a = a_in_sixteens_,
                               .skip = skip_.floats,
                               .lanes = call.lanes,
                               .state = call.state,
                               .out = call.out});
  }
  Row reference(int seq) const override {
    Row state(size(s_.d_inner * s_.d_state));
    return each_token(*this, [&](int pos) {
      const reference::SelectiveScanToken in = {.x = row(0, seq, pos),
                                                .dt = row(1, seq, pos),
                                                .b = row(2, seq, pos),
                                                .c = row(3, seq, pos),
                                                .gate = row(4, seq, pos)};
      return reference::selective_scan(in, {dt_bias_.values, a_.values, skip_.values},
                                       state_type(s_.type), state);
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return OpCase::value(input, seq, pos, i) * (input == 1 || input == 4 ? 4.0f : 1.0f);
  }

 private:
  SelectiveShape s_;
  RandomVector dt_bias_, a_;
  std::vector<float> a_in_sixteens_;
  RandomVector skip_;
};

struct SsdShape {
  std::int64_t n_head, head_dim, n_group, d_state;
  DType type = DType::kF32;
  Load load = {};
};

class SsdScanCase final : public OpCase {
 public:
  explicit SsdScanCase(SsdShape s)
      : OpCase({.name = fmt::format("ssd_scan/{}/{}-{}-{}-{}/{}", dtype_name(s.type), s.n_head,
                                    s.head_dim, s.n_group, s.d_state, load_name(s.load)),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n_head * s.head_dim, s.n_head, s.n_group * s.d_state,
                             s.n_group * s.d_state},
                .n_out = s.n_head * s.head_dim,
                .n_state = ssd_scan_state_elems(s.n_head, s.head_dim, s.d_state),
                .state_type = s.type}),
        s_(s),
        dt_bias_(make_vector(s.n_head, -2, 1)),
        a_(make_vector(s.n_head, -4, 0)),
        skip_(make_vector(s.n_head, -1, 1)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    return ops.ssd_scan({.x = call.inputs[0],
                         .dt = call.inputs[1],
                         .b = call.inputs[2],
                         .c = call.inputs[3],
                         .dt_bias = dt_bias_.floats,
                         .a = a_.floats,
                         .skip = skip_.floats,
                         .n_head = s_.n_head,
                         .head_dim = s_.head_dim,
                         .n_group = s_.n_group,
                         .d_state = s_.d_state,
                         .lanes = call.lanes,
                         .state = call.state,
                         .out = call.out});
  }
  Row reference(int seq) const override {
    Row state(size(s_.n_head * s_.head_dim * s_.d_state));
    return each_token(*this, [&](int pos) {
      const reference::SsdScanToken in = {.x = row(0, seq, pos),
                                          .dt = row(1, seq, pos),
                                          .b = row(2, seq, pos),
                                          .c = row(3, seq, pos)};
      return reference::ssd_scan(in, {dt_bias_.values, a_.values, skip_.values}, size(s_.n_group),
                                 state_type(s_.type), state);
    });
  }
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return OpCase::value(input, seq, pos, i) * (input == 1 ? 4.0f : 1.0f);
  }

 private:
  SsdShape s_;
  RandomVector dt_bias_, a_, skip_;
};

constexpr std::int64_t kModelWidth = 768;

void add_model_products(OpCases& cases, DType type, Load load) {
  constexpr std::int64_t n_embd = kModelWidth, d_inner = 2 * kModelWidth;
  add<LinearCase>(cases, LinearShape{type, n_embd, 2 * d_inner, false, false, load});
  add<LinearCase>(cases, LinearShape{type, d_inner, n_embd, true, false, load});
  add<LinearCase>(cases, LinearShape{type, d_inner, 80, false, false, load});
}

}  // namespace

OpCases small_op_cases() {
  OpCases cases;
  for (const DType type : kTypesOf32) {
    add<EmbedCase>(cases, type, 96);
    add<EmbedCase>(cases, type, 64, 50.5f);
    add<LinearCase>(cases, LinearShape{type, 64, 37, false, false, {}, true});
    add<LinearCase>(cases, LinearShape{type, 96, 16, true, false, {}, true});
    add<LinearCase>(cases, LinearShape{type, 32, 1});
    add<LinearCase>(cases, LinearShape{type, 96, 37, true});
    add<LinearCase>(cases, LinearShape{type, 352, 40, false, true});
    add<LinearCase>(cases, LinearShape{type, 64, 20, false, false, {1, 300}});
  }
  for (const DType type : kTypesOf256) {
    add<EmbedCase>(cases, type, 512);
    add<LinearCase>(cases, LinearShape{type, 256, 1});
    add<LinearCase>(cases, LinearShape{type, 512, 37, true});
    add<LinearCase>(cases, LinearShape{type, 768, 20, false, true});
    add<LinearCase>(cases, LinearShape{type, 256, 18, false, false, {1, 300}});
  }
  for (const DType type : kDenseTypes) {
    add<EmbedCase>(cases, type, 96);
    add<EmbedCase>(cases, type, 50);
    add<LinearCase>(cases, LinearShape{type, 32, 1});
    add<LinearCase>(cases, LinearShape{type, 96, 37, true});
    add<LinearCase>(cases, LinearShape{type, 800, 50});
    add<LinearCase>(cases, LinearShape{type, 64, 20, false, false, {1, 300}});
    add<LinearCase>(cases, LinearShape{type, 1, 3});
    add<LinearCase>(cases, LinearShape{type, 48, 33});
    add<LinearCase>(cases, LinearShape{type, 101, 18, true});
  }
  for (const bool is_gated : {false, true}) {
    for (const std::int64_t n : {1, 16, 100, 768}) {
      add<NormCase>(cases, NormShape{n, n, true, is_gated});
    }
    add<NormCase>(cases, NormShape{96, 24, true, is_gated});
  }
  add<NormCase>(cases, NormShape{48, 48, false});
  add<NormCase>(cases, NormShape{100, 50, true, false, {}, true});
  for (const DType type : kStateTypes) {
    for (const std::int64_t d_conv : {2, 4, 9}) {
      for (const std::int64_t n : {1, 48, 130})
        add<ShortConvCase>(cases, ConvShape{n, d_conv, type});
    }
    add<ShortConvCase>(cases, ConvShape{50, 4, type, {}, false});
    add<SelectiveScanCase>(cases, SelectiveShape{1, 1, type});
    add<SelectiveScanCase>(cases, SelectiveShape{64, 16, type});
    add<SelectiveScanCase>(cases, SelectiveShape{37, 5, type});
    add<SelectiveScanCase>(cases, SelectiveShape{37, 5, type, {}, -60});
    add<SsdScanCase>(cases, SsdShape{4, 2, 2, 3, type});
    add<SsdScanCase>(cases, SsdShape{2, 64, 1, 128, type, {2, 6}});
    add<SsdScanCase>(cases, SsdShape{6, 37, 3, 5, type});
  }
  add_small_elementwise_cases(cases);
  add_small_rwkv_cases(cases);
  add_small_griffin_cases(cases);
  add_small_attention_cases(cases);
  return cases;
}

OpCases model_op_cases() {
  constexpr std::int64_t n_embd = kModelWidth, d_inner = 2 * kModelWidth;
  OpCases cases;
  for (const Load load : {Load{1, 1}, Load{32, 1}, Load{1, 512}}) {
    for (const DType type : kDenseTypes) add_model_products(cases, type, load);
    for (const DType type : kTypesOf32) add_model_products(cases, type, load);
    for (const DType type : kTypesOf256) add_model_products(cases, type, load);
    if (load.n_tokens == 1) {
      add<LinearCase>(cases, LinearShape{DType::kQ8_0, n_embd, 50280, false, false, load});
    }
    add<LinearCase>(cases, LinearShape{DType::kF16, 48, d_inner, false, false, load});
    add<NormCase>(cases, NormShape{n_embd, n_embd, true, false, load});
    add<NormCase>(cases, NormShape{d_inner, d_inner, true, true, load});
    add<ShortConvCase>(cases, ConvShape{d_inner, 4, DType::kF32, load});
    for (const DType type : {DType::kF32, DType::kF16}) {
      add<SelectiveScanCase>(cases, SelectiveShape{d_inner, 16, type, load});
      add<SsdScanCase>(cases, SsdShape{24, 64, 1, 128, type, load});
    }
  }
  add_model_elementwise_cases(cases);
  add_model_rwkv_cases(cases);
  add_model_griffin_cases(cases);
  add_model_attention_cases(cases);
  return cases;
}

}  // namespace eddy::test

// Cases of rope, and of attention with what kv_store has stored.
#include <algorithm>
#include <cmath>

#include "cpu/support/case_parts.h"
#include "cpu/support/weights.h"
#include "reference/griffin_ops.h"
#include "tensor/rope.h"

namespace eddy::test {
namespace {

using reference::Row;

struct RopeShape {
  std::int64_t n_head, head_dim, n_dims;
  RopePairs pairs = RopePairs::kHalves;
  std::int32_t n_past = 0;
  Load load = {};
};

class RopeCase final : public OpCase {
 public:
  explicit RopeCase(RopeShape s)
      : OpCase({.name = fmt::format("rope/{}-{}-{}/{}/{}/{}", s.n_head, s.head_dim, s.n_dims,
                                    s.pairs == RopePairs::kHalves ? "halves" : "neighbours",
                                    s.n_past, load_name(s.load)),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n_head * s.head_dim},
                .n_out = s.n_head * s.head_dim,
                .kv = {.n_past = s.n_past}}),
        s_(s),
        turns_(rope_turns(kBase, s.n_dims)) {}

  Status call(Ops& ops, const OpCall& call) const override {
    for (std::int64_t t = 0; t < call.out.n_tokens; ++t) {
      std::copy_n(call.inputs[0].token(t), call.out.n, call.out.token(t));
    }
    return ops.rope({.x = call.out,
                     .n_head = s_.n_head,
                     .turns = turns_,
                     .pairs = s_.pairs,
                     .lanes = call.lanes,
                     .kv_lanes = call.kv.lanes});
  }
  Row reference(int seq) const override {
    return each_token(*this, [&](int pos) {
      Row x = row(0, seq, pos);
      const std::int64_t n_pairs = s_.n_dims / 2;
      for (std::int64_t i = 0; i < s_.n_head * n_pairs; ++i) {
        const std::int64_t head = i / n_pairs * s_.head_dim, d = i % n_pairs;
        const bool is_halves = s_.pairs == RopePairs::kHalves;
        const double angle = (s_.n_past + pos) * std::pow(kBase, -2 * real(d) / real(s_.n_dims));
        reference::turn(x, size(head + (is_halves ? d : 2 * d)),
                        size(head + (is_halves ? d + n_pairs : 2 * d + 1)), angle,
                        (1 + angle) * 0x1p-50);
      }
      return x;
    });
  }

 private:
  static constexpr double kBase = 10000;
  RopeShape s_;
  std::vector<std::uint64_t> turns_;
};

struct AttentionShape {
  std::int64_t n_head, n_head_kv, k_dim, v_dim;
  DType type = DType::kF32;
  std::int32_t window = 0;
  float cap = 0;
  Load load = {2, 80};
  std::int32_t n_past = 0;

  std::int64_t n_seen(std::int64_t pos) const {
    return window > 0 ? std::min<std::int64_t>(window, pos + 1) : pos + 1;
  }
};

class AttentionCase final : public OpCase {
 public:
  explicit AttentionCase(AttentionShape s)
      : OpCase({.name = fmt::format("attention/{}/{}-{}-{}-{}/{}{}{}/{}", dtype_name(s.type),
                                    s.n_head, s.n_head_kv, s.k_dim, s.v_dim,
                                    s.window > 0 ? fmt::format("window_{}/", s.window) : "",
                                    s.cap > 0 ? "cap/" : "", load_name(s.load), s.n_past),
                .n_seqs = s.load.n_seqs,
                .n_tokens = s.load.n_tokens,
                .n_inputs = {s.n_head * s.k_dim, s.n_head_kv * s.k_dim, s.n_head_kv * s.v_dim},
                .n_out = s.n_head * s.v_dim,
                .kv = {.k_elems = elems(s.n_head_kv * s.k_dim),
                       .v_elems = elems(s.n_head_kv * s.v_dim),
                       .type = s.type,
                       .window = s.window,
                       .n_past = s.n_past},
                .n_weight_bytes = kv_bytes(s),
                .n_multiply_adds = real(s.n_head * (s.k_dim + s.v_dim) *
                                        s.n_seen(s.n_past + s.load.n_tokens / 2))}),
        s_(s) {}

  Status call(Ops& ops, const OpCall& call) const override {
    const Status stored = ops.kv_store(
        {.k = call.inputs[1], .v = call.inputs[2], .lanes = call.lanes, .kv = call.kv});
    if (!stored.ok()) return stored;
    return ops.attention({.q = call.inputs[0],
                          .n_head = s_.n_head,
                          .n_head_kv = s_.n_head_kv,
                          .scale = scale(),
                          .score_cap = s_.cap,
                          .window = s_.window,
                          .lanes = call.lanes,
                          .kv = call.kv,
                          .out = call.out});
  }
  Row reference(int seq) const override {
    std::vector<Row> keys, values;
    return each_token(*this, [&](int pos) {
      keys.push_back(kept(row(1, seq, pos)));
      values.push_back(kept(row(2, seq, pos)));
      const Row q = row(0, seq, pos);
      Row out;
      for (std::int64_t h = 0; h < s_.n_head; ++h) {
        const Row head = reference_head(q, keys, values, h, pos);
        out.insert(out.end(), head.begin(), head.end());
      }
      return out;
    });
  }
  // Scores with a spread of about 2, so that the weights differ.
  float value(std::size_t input, int seq, int pos, std::int64_t i) const override {
    return OpCase::value(input, seq, pos, i) * (input == 0 ? 6.0f : 1.0f);
  }

 private:
  static double kv_bytes(const AttentionShape& s) {
    const std::uint64_t n_elems = elems(s.n_head_kv * (s.k_dim + s.v_dim));
    return real(static_cast<std::int64_t>(row_bytes(s.type, n_elems).value())) *
           real(s.n_seen(s.n_past + s.load.n_tokens)) * s.load.n_seqs;
  }
  float scale() const { return 1 / std::sqrt(static_cast<float>(s_.k_dim)); }

  static Row part(const Row& x, std::int64_t first, std::int64_t n) {
    return Row(x.begin() + first, x.begin() + first + n);
  }
  Row kept(Row x) const {
    if (s_.type != DType::kQ8_0) {
      for (reference::Bounded& v : x) v = reference::stored(v, state_type(s_.type));
      return x;
    }
    return reference::stored_in_blocks(x);
  }
  Row reference_head(const Row& q, const std::vector<Row>& keys, const std::vector<Row>& values,
                     std::int64_t h, int pos) const {
    const std::int64_t head_kv = h / (s_.n_head / s_.n_head_kv);
    reference::AttentionHead head = {
        .q = part(q, h * s_.k_dim, s_.k_dim), .k = {}, .v = {}, .scale = scale(), .cap = s_.cap};
    for (std::int64_t i = pos + 1 - s_.n_seen(pos); i <= pos; ++i) {
      head.k.push_back(part(keys[size(i)], head_kv * s_.k_dim, s_.k_dim));
      head.v.push_back(part(values[size(i)], head_kv * s_.v_dim, s_.v_dim));
    }
    return reference::attention(head, size(pos / kKvPage + 1));
  }

  AttentionShape s_;
};

}  // namespace

void add_small_attention_cases(OpCases& cases) {
  for (const RopePairs pairs : {RopePairs::kHalves, RopePairs::kNeighbours}) {
    add<RopeCase>(cases, RopeShape{1, 2, 2, pairs});
    add<RopeCase>(cases, RopeShape{3, 70, 44, pairs, 100000});
    add<RopeCase>(cases, RopeShape{2, 64, 64, pairs, 2147000000});
  }
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    add<AttentionCase>(cases, AttentionShape{2, 1, 32, 32, type});
    add<AttentionCase>(cases, AttentionShape{5, 1, 64, 32, type, 33});
    add<AttentionCase>(cases, AttentionShape{6, 3, 32, 96, type, 0, 2});
    if (type == DType::kQ8_0) continue;
    add<AttentionCase>(cases, AttentionShape{1, 1, 1, 1, type, 5});
    add<AttentionCase>(cases, AttentionShape{4, 4, 50, 37, type, 1});
    add<AttentionCase>(cases, AttentionShape{3, 1, 20, 70, type, 40, 0, {3, 110}});
  }
}

// RecurrentGemma 2B, whose window is 2049; and a hybrid's 32 heads of 128 without a window.
void add_model_attention_cases(OpCases& cases) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    for (const Load load : {Load{1, 1}, Load{32, 1}, Load{1, 512}}) {
      add<AttentionCase>(cases, AttentionShape{10, 1, 256, 256, type, 2049, 0, load, 4096});
      add<AttentionCase>(cases, AttentionShape{32, 8, 128, 128, type, 0, 0, load, 4096});
    }
  }
  add<AttentionCase>(cases, AttentionShape{10, 1, 256, 256, DType::kF16, 2049, 0, {1, 512}, 0});
  for (const Load load : {Load{1, 1}, Load{1, 512}}) {
    add<RopeCase>(cases, RopeShape{10, 256, 128, RopePairs::kHalves, 4096, load});
  }
}

}  // namespace eddy::test

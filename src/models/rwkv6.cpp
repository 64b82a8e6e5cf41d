// RWKV-6 (Peng et al. 2024, "Eagle and Finch: RWKV with Matrix-Valued States and Dynamic
// Recurrence").
//
// Letters: C = n_embd, F = n_ff, T the tokens of the micro-batch.
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/architectures.h"
#include "models/ends.h"
#include "models/loader.h"
#include "models/norm.h"
#include "models/rwkv6_time_mix.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

struct Rwkv6Layer {
  Norm time_norm;
  Rwkv6TimeMix time_mix;
  Norm channel_norm;
  std::vector<float> lerp;        // {C, 2}: k, r
  Weight key, value, receptance;  // {C, F}, {F, C}, {C, C}
};

class Rwkv6 final : public Model {
 public:
  explicit Rwkv6(Loader& load);
  Status forward(const Forward& pass) const override;
  std::int64_t wkv_head_size() const override { return shape_.head_size; }

 private:
  void load_layer(Loader& load, std::int64_t il);
  Status mix_time(const Forward& pass, LayerId il, Mat x) const;
  Status mix_channels(const Forward& pass, LayerId il, Mat x) const;
  bool halves_after(std::int64_t il) const { return n_rescale_ > 0 && (il + 1) % n_rescale_ == 0; }

  float eps_;
  Rwkv6Shape shape_;
  std::int64_t n_ff_;
  std::int64_t n_rescale_;  // x is halved after so many layers; 0: never
  Ends ends_;
  Norm embd_norm_;
  std::vector<Rwkv6Layer> layers_;
};

Rwkv6::Rwkv6(Loader& load)
    : Model(load.info(), load.identity()),
      eps_(load.positive("attention.layer_norm_epsilon")),
      shape_(load),
      n_ff_(load.integer("feed_forward_length")),
      n_rescale_(load.integer_or("rescale_every_n_layers", 0, {.least = 0})),
      ends_(load, load_layer_norm(load, "output_norm", shape_.n_embd, eps_)),
      embd_norm_(load_layer_norm(load, "token_embd_norm", shape_.n_embd, eps_)) {
  load.integer_or("token_shift_count", 2, {2, 2});
  for (std::int64_t il = 0; il < info().n_layer; ++il) load_layer(load, il);
}

void Rwkv6::load_layer(Loader& loader, std::int64_t il) {
  const std::int64_t n_embd = shape_.n_embd;
  const Loader::Layer load = loader.layer(il);
  std::vector<float> lerp = load.small("channel_mix_lerp_k.weight", {n_embd});
  const std::vector<float> lerp_r = load.small("channel_mix_lerp_r.weight", {n_embd});
  lerp.insert(lerp.end(), lerp_r.begin(), lerp_r.end());
  layers_.push_back({
      .time_norm = load_layer_norm(load, "attn_norm", n_embd, eps_),
      .time_mix = Rwkv6TimeMix(load, shape_),
      .channel_norm = load_layer_norm(load, "attn_norm_2", n_embd, eps_),
      .lerp = std::move(lerp),
      .key = load.matrix("channel_mix_key.weight", n_embd, n_ff_),
      .value = load.matrix("channel_mix_value.weight", n_ff_, n_embd),
      .receptance = load.matrix("channel_mix_receptance.weight", n_embd, n_embd),
  });
  // S: the inputs of the time mix, then those of the channel mix.
  layout_.layers.push_back(Rwkv6TimeMix::state(shape_, 2));
}

Status Rwkv6::forward(const Forward& pass) const {
  Scratch::Scope scope(pass.scratch);
  const std::int64_t n_tokens = std::ssize(pass.context.ubatch().tokens);
  const Mat x = pass.scratch.mat(info().n_embd, n_tokens);  // {C, T}
  EDDY_TRY(ends_.embed(pass, x));
  EDDY_TRY(embd_norm_.apply(pass.ops, x, x));
  for (std::int32_t il = 0; il < info().n_layer; ++il) {
    EDDY_TRY(mix_time(pass, LayerId(il), x));
    EDDY_TRY(mix_channels(pass, LayerId(il), x));
    if (halves_after(il)) EDDY_TRY(pass.ops.activate({.x = x, .scale = 0.5f, .out = x}));
  }
  return ends_.logits(pass, x);
}

Status Rwkv6::mix_time(const Forward& pass, LayerId il, Mat x) const {
  const Rwkv6Layer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(pass.scratch);
  const Mat normed = pass.scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.time_norm.apply(pass.ops, x, normed));
  return w.time_mix.add(pass, il, normed, x);
}

// x += the channel mix of the normed x.
Status Rwkv6::mix_channels(const Forward& pass, LayerId il, Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const Rwkv6Layer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(scratch);
  const Mat normed = scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.channel_norm.apply(ops, x, normed));
  const Mat mixed = scratch.mat(2 * x.n, x.n_tokens);  // {2C, T}
  EDDY_TRY(ops.token_shift({.x = normed,
                            .lerp = w.lerp,
                            .lanes = context.lanes(),
                            .state = context.get_s_l(il),
                            .first = x.n,
                            .out = mixed}));
  const Mat key = scratch.mat(n_ff_, x.n_tokens);  // {F, T}
  EDDY_TRY(ops.linear({.weight = w.key, .x = mixed.part(0, x.n), .out = key}));
  EDDY_TRY(ops.activate({.x = key, .function = Activation::kReluSquared, .out = key}));
  const Mat value = normed;  // {C, T}
  EDDY_TRY(ops.linear({.weight = w.value, .x = key, .out = value}));
  const Mat gate = mixed.part(0, x.n);  // {C, T}
  EDDY_TRY(ops.linear({.weight = w.receptance, .x = mixed.part(x.n, x.n), .out = gate}));
  return ops.gate(
      {.x = value, .gate = gate, .function = Activation::kSigmoid, .accumulate = true, .out = x});
}

}  // namespace

std::unique_ptr<Model> make_rwkv6(Loader& load) { return std::make_unique<Rwkv6>(load); }

}  // namespace eddy

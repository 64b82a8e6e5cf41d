// RWKV-7 (Peng et al. 2025, "RWKV-7 Goose with Expressive Dynamic State Evolution").
//
// Letters: C = n_embd, F = n_ff, T the tokens of the micro-batch.
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/architectures.h"
#include "models/ends.h"
#include "models/loader.h"
#include "models/norm.h"
#include "models/rwkv7_time_mix.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

struct Rwkv7Layer {
  Norm time_norm;
  Rwkv7TimeMix time_mix;
  Norm channel_norm;
  std::vector<float> lerp;  // {C}
  Weight key, value;        // {C, F}, {F, C}
};

class Rwkv7 final : public Model {
 public:
  explicit Rwkv7(Loader& load);
  Status forward(const Forward& pass) const override;
  std::int64_t wkv_head_size() const override { return shape_.head_size; }

 private:
  void load_layer(Loader& load, std::int64_t il);
  Status mix_time(const Forward& pass, LayerId il, Mat v_first, Mat x) const;
  Status mix_channels(const Forward& pass, LayerId il, Mat x) const;

  float eps_;
  Rwkv7Shape shape_;
  std::int64_t n_ff_;
  Ends ends_;
  Norm embd_norm_;
  std::vector<Rwkv7Layer> layers_;
};

Rwkv7::Rwkv7(Loader& load)
    : Model(load.info(), load.identity()),
      eps_(load.positive("attention.layer_norm_epsilon")),
      shape_(load),
      n_ff_(load.integer("feed_forward_length")),
      ends_(load, load_layer_norm(load, "output_norm", shape_.n_embd, eps_)),
      embd_norm_(load_layer_norm(load, "token_embd_norm", shape_.n_embd, eps_)) {
  load.integer_or("token_shift_count", 2, {2, 2});
  for (std::int64_t il = 0; il < info().n_layer; ++il) load_layer(load, il);
}

void Rwkv7::load_layer(Loader& loader, std::int64_t il) {
  const std::int64_t n_embd = shape_.n_embd;
  const Loader::Layer load = loader.layer(il);
  layers_.push_back({
      .time_norm = load_layer_norm(load, "attn_norm", n_embd, eps_),
      .time_mix = Rwkv7TimeMix(load, shape_, il == 0, false),
      .channel_norm = load_layer_norm(load, "attn_norm_2", n_embd, eps_),
      .lerp = load.small("channel_mix_lerp_k.weight", {n_embd}),
      .key = load.matrix("channel_mix_key.weight", n_embd, n_ff_),
      .value = load.matrix("channel_mix_value.weight", n_ff_, n_embd),
  });
  // S: the inputs of the time mix, then those of the channel mix.
  layout_.layers.push_back(Rwkv7TimeMix::state(shape_, 2));
}

Status Rwkv7::forward(const Forward& pass) const {
  Scratch::Scope scope(pass.scratch);
  const std::int64_t n_tokens = std::ssize(pass.context.ubatch().tokens);
  const Mat x = pass.scratch.mat(info().n_embd, n_tokens);        // {C, T}
  const Mat v_first = pass.scratch.mat(info().n_embd, n_tokens);  // {C, T}
  EDDY_TRY(ends_.embed(pass, x));
  EDDY_TRY(embd_norm_.apply(pass.ops, x, x));
  for (std::int32_t il = 0; il < info().n_layer; ++il) {
    EDDY_TRY(mix_time(pass, LayerId(il), v_first, x));
    EDDY_TRY(mix_channels(pass, LayerId(il), x));
  }
  return ends_.logits(pass, x);
}

Status Rwkv7::mix_time(const Forward& pass, LayerId il, Mat v_first, Mat x) const {
  const Rwkv7Layer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(pass.scratch);
  const Mat normed = pass.scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.time_norm.apply(pass.ops, x, normed));
  return w.time_mix.add(pass, il, normed, v_first, x);
}

// x += the channel mix of the normed x.
Status Rwkv7::mix_channels(const Forward& pass, LayerId il, Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const Rwkv7Layer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(scratch);
  const Mat normed = scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.channel_norm.apply(ops, x, normed));
  const Mat mixed = scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(ops.token_shift({.x = normed,
                            .lerp = w.lerp,
                            .lanes = context.lanes(),
                            .state = context.get_s_l(il),
                            .first = x.n,
                            .out = mixed}));
  const Mat key = scratch.mat(n_ff_, x.n_tokens);  // {F, T}
  EDDY_TRY(ops.linear({.weight = w.key, .x = mixed, .out = key}));
  EDDY_TRY(ops.activate({.x = key, .function = Activation::kReluSquared, .out = key}));
  return ops.linear({.weight = w.value, .x = key, .out = x, .accumulate = true});
}

}  // namespace

std::unique_ptr<Model> make_rwkv7(Loader& load) { return std::make_unique<Rwkv7>(load); }

}  // namespace eddy

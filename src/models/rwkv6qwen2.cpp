// QRWKV-6 (Goldstein et al. 2025, "RADLADS: Rapid Attention Distillation to Linear Attention
// Decoders at Scale"): RWKV-6's time mix in the blocks of Qwen 2.
//
// Letters: C = n_embd, T the tokens of the micro-batch.
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/architectures.h"
#include "models/ends.h"
#include "models/gated_mlp.h"
#include "models/loader.h"
#include "models/norm.h"
#include "models/rwkv6_time_mix.h"
#include "models/scratch.h"

namespace eddy {
namespace {

struct Rwkv6Qwen2Layer {
  Norm time_norm;
  Rwkv6TimeMix time_mix;
  Norm ffn_norm;
  GatedMlp ffn;
};

class Rwkv6Qwen2 final : public Model {
 public:
  explicit Rwkv6Qwen2(Loader& load);
  Status forward(const Forward& pass) const override;
  std::int64_t wkv_head_size() const override { return shape_.head_size; }

 private:
  void load_layer(Loader& load, std::int64_t il);
  Status add_layer(const Forward& pass, LayerId il, Mat x) const;

  float eps_;
  Rwkv6Shape shape_;
  std::int64_t n_ff_;
  Ends ends_;
  std::vector<Rwkv6Qwen2Layer> layers_;
};

Rwkv6Qwen2::Rwkv6Qwen2(Loader& load)
    : Model(load.info(), load.identity()),
      eps_(load.positive("attention.layer_norm_rms_epsilon")),
      shape_(load),
      n_ff_(load.integer("feed_forward_length")),
      ends_(load, load_rms_norm(load, "output_norm", shape_.n_embd, eps_)) {
  load.integer_or("token_shift_count", 1, {1, 1});
  load.integer_or("rescale_every_n_layers", 0, {0, 0});
  shape_.is_hybrid = true;
  const std::int64_t n_head_kv = load.integer_or("attention.head_count_kv", 0, {.least = 0});
  if (n_head_kv > 0) shape_.n_head_kv = n_head_kv;
  load.require(shape_.n_head() % shape_.n_head_kv == 0,
               "attention.head_count_kv does not divide the number of heads");
  for (std::int64_t il = 0; il < info().n_layer; ++il) load_layer(load, il);
}

void Rwkv6Qwen2::load_layer(Loader& loader, std::int64_t il) {
  const std::int64_t n_embd = shape_.n_embd;
  const Loader::Layer load = loader.layer(il);
  layers_.push_back({
      .time_norm = load_rms_norm(load, "attn_norm", n_embd, eps_),
      .time_mix = Rwkv6TimeMix(load, shape_),
      .ffn_norm = load_rms_norm(load, "ffn_norm", n_embd, eps_),
      .ffn = GatedMlp(load, {.n_embd = n_embd, .n_ff = n_ff_, .function = Activation::kSilu}),
  });
  layout_.layers.push_back(Rwkv6TimeMix::state(shape_, 1));
}

Status Rwkv6Qwen2::forward(const Forward& pass) const {
  Scratch::Scope scope(pass.scratch);
  const std::int64_t n_tokens = std::ssize(pass.context.ubatch().tokens);
  const Mat x = pass.scratch.mat(info().n_embd, n_tokens);  // {C, T}
  EDDY_TRY(ends_.embed(pass, x));
  for (std::int32_t il = 0; il < info().n_layer; ++il) {
    EDDY_TRY(add_layer(pass, LayerId(il), x));
  }
  return ends_.logits(pass, x);
}

// x += the time mix of the normed x, then x += the feed-forward block of the normed x.
Status Rwkv6Qwen2::add_layer(const Forward& pass, LayerId il, Mat x) const {
  const Rwkv6Qwen2Layer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(pass.scratch);
  const Mat normed = pass.scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.time_norm.apply(pass.ops, x, normed));
  EDDY_TRY(w.time_mix.add(pass, il, normed, x));
  EDDY_TRY(w.ffn_norm.apply(pass.ops, x, normed));
  return w.ffn.add(pass, normed, x);
}

}  // namespace

std::unique_ptr<Model> make_rwkv6qwen2(Loader& load) { return std::make_unique<Rwkv6Qwen2>(load); }

}  // namespace eddy

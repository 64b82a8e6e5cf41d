// RecurrentGemma (Botev et al. 2024), a model of the Griffin architecture (De et al. 2024): layers
// of a mixer, RG-LRU or local attention, and a gated MLP.
//
// Letters: C = n_embd, T the tokens of the micro-batch.
#include <optional>

#include "base/table.h"
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/architectures.h"
#include "models/attention.h"
#include "models/ends.h"
#include "models/gated_mlp.h"
#include "models/griffin_recurrent.h"
#include "models/loader.h"
#include "models/norm.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

struct GriffinLayer {
  Norm mixer_norm, mlp_norm;
  GatedMlp mlp;
  std::optional<GriffinRecurrent> recurrent = {};  // one of the two
  std::optional<Attention> attention = {};
};

class RecurrentGemma final : public Model {
 public:
  explicit RecurrentGemma(Loader& load);
  Status forward(const Forward& pass) const override;

 private:
  void load_layer(Loader& loader, std::int64_t il, std::int64_t n_head_kv);
  Status mix(const Forward& pass, LayerId il, Mat x) const;
  Status mlp(const Forward& pass, const GriffinLayer& w, Mat x) const;

  float eps_;
  std::int64_t n_ff_;
  GriffinShape shape_;
  AttentionShape attention_;
  Ends ends_;
  std::vector<GriffinLayer> layers_;
};

// sliding_window is how far back a token sees: that many before it, and itself.
AttentionShape load_attention(Loader& load) {
  AttentionShape shape = load_attention_shape(load);
  shape.window =
      static_cast<std::int32_t>(load.integer("attention.sliding_window", {1, 1 << 30}) + 1);
  shape.output_bias = Bias::kIsThere;
  return shape;
}

// Heads of K and V by layer, none where it is recurrent: without a list every third has attention.
std::vector<std::int64_t> load_heads_kv(Loader& load, std::int64_t n_head) {
  std::vector<std::int64_t> heads = load.by_layer("attention.head_count_kv", {0, n_head});
  if (heads.empty()) {
    const std::int64_t n = load.integer_or("attention.head_count_kv", n_head, {1, n_head});
    for (std::int64_t il = 0; il < load.info().n_layer; ++il) heads.push_back(il % 3 == 2 ? n : 0);
  }
  for (const std::int64_t n : heads) {
    load.require(n == 0 || n_head % n == 0,
                 "attention.head_count_kv does not divide attention.head_count");
  }
  return heads;
}

RecurrentGemma::RecurrentGemma(Loader& load)
    : Model(load.info(), load.identity()),
      eps_(load.positive("attention.layer_norm_rms_epsilon")),
      n_ff_(load.integer("feed_forward_length")),
      shape_(load_griffin_shape(load)),
      attention_(load_attention(load)),
      ends_(load) {
  const std::vector<std::int64_t> heads_kv = load_heads_kv(load, attention_.n_head);
  for (std::int64_t il = 0; il < info().n_layer; ++il) {
    load_layer(load, il, heads_kv[static_cast<std::size_t>(il)]);
  }
}

void RecurrentGemma::load_layer(Loader& loader, std::int64_t il, std::int64_t n_head_kv) {
  const std::int64_t n_embd = info().n_embd;
  const Loader::Layer load = loader.layer(il);
  layers_.push_back({.mixer_norm = load_rms_norm(load, "attn_norm", n_embd, eps_),
                     .mlp_norm = load_rms_norm(load, "ffn_norm", n_embd, eps_),
                     .mlp = GatedMlp(load, {.n_embd = n_embd,
                                            .n_ff = n_ff_,
                                            .function = Activation::kGelu,
                                            .bias = Bias::kIsThere})});
  GriffinLayer& w = layers_.back();
  if (n_head_kv > 0) {
    w.attention.emplace(load, n_embd, attention_, n_head_kv);
    layout_.layers.push_back(Attention::state(attention_, n_head_kv));
  } else {
    w.recurrent.emplace(loader, load, shape_);
    layout_.layers.push_back(GriffinRecurrent::state(shape_));
  }
}

Status RecurrentGemma::forward(const Forward& pass) const {
  Scratch::Scope scope(pass.scratch);
  const std::int64_t n_tokens = std::ssize(pass.context.ubatch().tokens);
  const Mat x = pass.scratch.mat(info().n_embd, n_tokens);  // {C, T}
  EDDY_TRY(ends_.embed(pass, x));
  for (std::int32_t il = 0; il < info().n_layer; ++il) {
    EDDY_TRY(mix(pass, LayerId(il), x));
    EDDY_TRY(mlp(pass, layers_[static_cast<std::size_t>(il)], x));
  }
  return ends_.logits(pass, x);
}

// x += the layer's mixer of the normed x.
Status RecurrentGemma::mix(const Forward& pass, LayerId il, Mat x) const {
  const GriffinLayer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(pass.scratch);
  const Mat normed = pass.scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.mixer_norm.apply(pass.ops, x, normed));
  if (w.attention) return w.attention->mix(pass, il, attention_, normed, x);
  return w.recurrent->mix(pass, il, normed, x);
}

// x += the layer's MLP of the normed x.
Status RecurrentGemma::mlp(const Forward& pass, const GriffinLayer& w, Mat x) const {
  Scratch::Scope scope(pass.scratch);
  const Mat normed = pass.scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.mlp_norm.apply(pass.ops, x, normed));
  return w.mlp.add(pass, normed, x);
}

}  // namespace

std::unique_ptr<Model> make_recurrentgemma(Loader& load) {
  return std::make_unique<RecurrentGemma>(load);
}

}  // namespace eddy

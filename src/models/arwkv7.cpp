// ARWKV-7 (Yueyu et al. 2025, "ARWKV: Pretrain is not what we need, an RNN-attention-based language
// model born from Transformer"): RWKV-7's time mix in the blocks of Qwen 2.
//
// Letters: C = n_embd, T the tokens of the micro-batch.
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/architectures.h"
#include "models/ends.h"
#include "models/gated_mlp.h"
#include "models/loader.h"
#include "models/norm.h"
#include "models/rwkv7_time_mix.h"
#include "models/scratch.h"

namespace eddy {
namespace {

struct Arwkv7Layer {
  Norm time_norm;
  Rwkv7TimeMix time_mix;
  Norm ffn_norm;
  GatedMlp ffn;
};

class Arwkv7 final : public Model {
 public:
  explicit Arwkv7(Loader& load);
  Status forward(const Forward& pass) const override;
  std::int64_t wkv_head_size() const override { return shape_.head_size; }

 private:
  void load_layer(Loader& load, std::int64_t il);
  Status add_layer(const Forward& pass, LayerId il, Mat v_first, Mat x) const;

  float eps_;
  Rwkv7Shape shape_;
  std::int64_t n_ff_;
  Ends ends_;
  std::vector<Arwkv7Layer> layers_;
};

Arwkv7::Arwkv7(Loader& load)
    : Model(load.info(), load.identity()),
      eps_(load.positive("attention.layer_norm_rms_epsilon")),
      shape_(load),
      n_ff_(load.integer("feed_forward_length")),
      ends_(load, load_rms_norm(load, "output_norm", shape_.n_embd, eps_)) {
  load.integer_or("token_shift_count", 1, {1, 1});
  for (std::int64_t il = 0; il < info().n_layer; ++il) load_layer(load, il);
}

void Arwkv7::load_layer(Loader& loader, std::int64_t il) {
  const std::int64_t n_embd = shape_.n_embd;
  const Loader::Layer load = loader.layer(il);
  layers_.push_back({
      .time_norm = load_rms_norm(load, "attn_norm", n_embd, eps_),
      .time_mix = Rwkv7TimeMix(load, shape_, il == 0, true),
      .ffn_norm = load_rms_norm(load, "ffn_norm", n_embd, eps_),
      .ffn = GatedMlp(load, {.n_embd = n_embd, .n_ff = n_ff_, .function = Activation::kSilu}),
  });
  layout_.layers.push_back(Rwkv7TimeMix::state(shape_, 1));
}

Status Arwkv7::forward(const Forward& pass) const {
  Scratch::Scope scope(pass.scratch);
  const std::int64_t n_tokens = std::ssize(pass.context.ubatch().tokens);
  const Mat x = pass.scratch.mat(info().n_embd, n_tokens);        // {C, T}
  const Mat v_first = pass.scratch.mat(info().n_embd, n_tokens);  // {C, T}
  EDDY_TRY(ends_.embed(pass, x));
  for (std::int32_t il = 0; il < info().n_layer; ++il) {
    EDDY_TRY(add_layer(pass, LayerId(il), v_first, x));
  }
  return ends_.logits(pass, x);
}

// x += the time mix of the normed x, then x += the feed-forward block of the normed x.
Status Arwkv7::add_layer(const Forward& pass, LayerId il, Mat v_first, Mat x) const {
  const Arwkv7Layer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(pass.scratch);
  const Mat normed = pass.scratch.mat(x.n, x.n_tokens);  // {C, T}
  EDDY_TRY(w.time_norm.apply(pass.ops, x, normed));
  EDDY_TRY(w.time_mix.add(pass, il, normed, v_first, x));
  EDDY_TRY(w.ffn_norm.apply(pass.ops, x, normed));
  return w.ffn.add(pass, normed, x);
}

}  // namespace

std::unique_ptr<Model> make_arwkv7(Loader& load) { return std::make_unique<Arwkv7>(load); }

}  // namespace eddy

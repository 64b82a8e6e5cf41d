// RWKV-7 (Peng et al. 2025), token by token in double.
#include <string>

#include "reference/architectures.h"
#include "reference/rwkv7_time_mix.h"

namespace eddy::reference {
namespace {

struct Layer {
  Tensor norm, norm_bias, norm2, norm2_bias;
  Rwkv7TimeMix time_mix;
  Tensor lerp_k, key, value;
};

struct State {
  Rwkv7TimeMix::State time;
  Vector before;  // {C}, of the channel mix
};

class Rwkv7Reference final : public Reference {
 public:
  explicit Rwkv7Reference(const GgufFile& file)
      : eps_(real_key(file, "rwkv7.attention.layer_norm_epsilon")),
        ends_(read_ends(file)),
        out_bias_(read_tensor(file, "output_norm.bias")),
        embd_norm_(read_tensor(file, "token_embd_norm.weight")),
        embd_norm_bias_(read_tensor(file, "token_embd_norm.bias")) {
    const std::size_t head_size = size_key(file, "rwkv7.wkv.head_size");
    for (std::size_t il = 0; il < size_key(file, "rwkv7.block_count"); ++il) {
      const std::string blk = "blk." + std::to_string(il) + ".";
      layers_.push_back({.norm = read_tensor(file, blk + "attn_norm.weight"),
                         .norm_bias = read_tensor(file, blk + "attn_norm.bias"),
                         .norm2 = read_tensor(file, blk + "attn_norm_2.weight"),
                         .norm2_bias = read_tensor(file, blk + "attn_norm_2.bias"),
                         .time_mix = Rwkv7TimeMix(file, blk, head_size, il == 0),
                         .lerp_k = read_tensor(file, blk + "channel_mix_lerp_k.weight"),
                         .key = read_tensor(file, blk + "channel_mix_key.weight"),
                         .value = read_tensor(file, blk + "channel_mix_value.weight")});
    }
  }

  Logits logits(std::span<const Token> tokens, Noise noise) const override {
    std::vector<State> states;
    for (std::size_t il = 0; il < layers_.size(); ++il) {
      const Layer& w = layers_[il];
      states.push_back({w.time_mix.new_state(initial(il)), Vector(w.norm.v.size())});
    }
    Logits result;
    for (const Token token : tokens) {
      Vector x = layer_norm(embed(ends_, token), embd_norm_.v, embd_norm_bias_.v, eps_, noise);
      Vector v_first;
      for (std::size_t il = 0; il < layers_.size(); ++il) {
        const Layer& w = layers_[il];
        const Vector n = layer_norm(x, w.norm.v, w.norm_bias.v, eps_, noise);
        add(x, w.time_mix.compute(n, states[il].time, v_first, noise), noise);
        const Vector f = layer_norm(x, w.norm2.v, w.norm2_bias.v, eps_, noise);
        add(x, mix_channels(w, f, states[il].before, noise), noise);
      }
      const Vector last = layer_norm(x, ends_.norm.v, out_bias_.v, eps_, noise);
      result.push_back(project(ends_, last, noise));
    }
    return result;
  }

 private:
  static Vector mix_channels(const Layer& w, const Vector& f, Vector& before, Noise& noise) {
    const Vector delta = token_shift(f, before, noise);
    const Vector key = linear(w.key, lerp(f, delta, w.lerp_k.v, noise), noise);
    return linear(w.value, relu_squared(key, noise), noise);
  }

  double eps_;
  Ends ends_;
  Tensor out_bias_, embd_norm_, embd_norm_bias_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Reference> make_rwkv7_reference(const GgufFile& file) {
  return std::make_unique<Rwkv7Reference>(file);
}

}  // namespace eddy::reference

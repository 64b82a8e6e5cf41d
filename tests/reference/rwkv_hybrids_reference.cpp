// QRWKV-6 and ARWKV-7, token by token in double: the time mix of RWKV-6 or RWKV-7 in the blocks of
// Qwen 2, with its RMSNorms and SwiGLU.
#include <string>
#include <type_traits>

#include "reference/architectures.h"
#include "reference/rwkv6_time_mix.h"
#include "reference/rwkv7_time_mix.h"

namespace eddy::reference {
namespace {

template <class TimeMix>
struct Layer {
  Tensor norm, ffn_norm, gate, up, down;
  TimeMix time_mix;
};

template <class TimeMix>
class Hybrid final : public Reference {
 public:
  Hybrid(const GgufFile& file, const std::string& architecture)
      : eps_(real_key(file, architecture + ".attention.layer_norm_rms_epsilon")),
        ends_(read_ends(file)),
        out_bias_(read_tensor(file, "output_norm.bias")) {
    const std::size_t head_size = size_key(file, architecture + ".wkv.head_size");
    for (std::size_t il = 0; il < size_key(file, architecture + ".block_count"); ++il) {
      const std::string blk = "blk." + std::to_string(il) + ".";
      layers_.push_back({.norm = read_tensor(file, blk + "attn_norm.weight"),
                         .ffn_norm = read_tensor(file, blk + "ffn_norm.weight"),
                         .gate = read_tensor(file, blk + "ffn_gate.weight"),
                         .up = read_tensor(file, blk + "ffn_up.weight"),
                         .down = read_tensor(file, blk + "ffn_down.weight"),
                         .time_mix = make_time_mix(file, blk, head_size, il == 0)});
    }
  }

  Logits logits(std::span<const Token> tokens, Noise noise) const override {
    std::vector<typename TimeMix::State> states;
    for (std::size_t il = 0; il < layers_.size(); ++il) {
      states.push_back(layers_[il].time_mix.new_state(initial(il)));
    }
    Logits result;
    for (const Token token : tokens) {
      Vector x = embed(ends_, token), v_first;
      for (std::size_t il = 0; il < layers_.size(); ++il) {
        const Layer<TimeMix>& w = layers_[il];
        const Vector n = rms_norm(x, w.norm.v, eps_, noise);
        add(x, mix_time(w.time_mix, n, states[il], v_first, noise), noise);
        const Vector f = rms_norm(x, w.ffn_norm.v, eps_, noise);
        add(x, swiglu(w.gate, w.up, w.down, f, noise), noise);
      }
      Vector last = rms_norm(x, ends_.norm.v, eps_, noise);
      if (!out_bias_.v.empty()) add(last, out_bias_.v, noise);
      result.push_back(project(ends_, last, noise));
    }
    return result;
  }

 private:
  static TimeMix make_time_mix(const GgufFile& file, const std::string& blk, std::size_t head_size,
                               bool is_first) {
    if constexpr (std::is_same_v<TimeMix, Rwkv7TimeMix>)
      return {file, blk, head_size, is_first};
    else
      return {file, blk, head_size};
  }
  static Vector mix_time(const Rwkv6TimeMix& mix, const Vector& x, Rwkv6TimeMix::State& state,
                         Vector&, Noise& noise) {
    return mix.compute(x, state, noise);
  }
  static Vector mix_time(const Rwkv7TimeMix& mix, const Vector& x, Rwkv7TimeMix::State& state,
                         Vector& v_first, Noise& noise) {
    return mix.compute(x, state, v_first, noise);
  }

  double eps_;
  Ends ends_;
  Tensor out_bias_;
  std::vector<Layer<TimeMix>> layers_;
};

}  // namespace

std::unique_ptr<Reference> make_rwkv6qwen2_reference(const GgufFile& file) {
  return std::make_unique<Hybrid<Rwkv6TimeMix>>(file, "rwkv6qwen2");
}

std::unique_ptr<Reference> make_arwkv7_reference(const GgufFile& file) {
  return std::make_unique<Hybrid<Rwkv7TimeMix>>(file, "arwkv7");
}

}  // namespace eddy::reference

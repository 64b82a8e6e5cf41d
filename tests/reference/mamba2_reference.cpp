// Mamba-2 (Dao & Gu 2024), token by token in double.
#include <string>

#include "reference/architectures.h"
#include "reference/blocks.h"
#include "reference/scans.h"

namespace eddy::reference {
namespace {

struct Layer {
  Tensor norm, in, conv, conv_bias, dt_bias, a, d, gated_norm, out;
};

struct State {
  Vector window;  // {n_channels, d_conv}
  Vector s;       // {d_state, head_dim, n_head}
};

class Mamba2Reference final : public Reference {
 public:
  explicit Mamba2Reference(const GgufFile& file)
      : n_layer_(size_key(file, "mamba2.block_count")),
        d_conv_(size_key(file, "mamba2.ssm.conv_kernel")),
        d_inner_(size_key(file, "mamba2.ssm.inner_size")),
        d_state_(size_key(file, "mamba2.ssm.state_size")),
        n_head_(size_key(file, "mamba2.ssm.time_step_rank")),
        n_group_(size_key(file, "mamba2.ssm.group_count")),
        eps_(real_key(file, "mamba2.attention.layer_norm_rms_epsilon")),
        ends_(read_ends(file)) {
    for (std::size_t il = 0; il < n_layer_; ++il) {
      const std::string blk = "blk." + std::to_string(il) + ".";
      layers_.push_back({.norm = read_tensor(file, blk + "attn_norm.weight"),
                         .in = read_tensor(file, blk + "ssm_in.weight"),
                         .conv = read_tensor(file, blk + "ssm_conv1d.weight"),
                         .conv_bias = read_tensor(file, blk + "ssm_conv1d.bias"),
                         .dt_bias = read_tensor(file, blk + "ssm_dt.bias"),
                         .a = read_tensor(file, blk + "ssm_a"),
                         .d = read_tensor(file, blk + "ssm_d"),
                         .gated_norm = read_tensor(file, blk + "ssm_norm.weight"),
                         .out = read_tensor(file, blk + "ssm_out.weight")});
    }
  }

  Logits logits(std::span<const Token> tokens, Noise noise) const override {
    const std::size_t n_channels = d_inner_ + 2 * n_group_ * d_state_;
    std::vector<State> states(n_layer_,
                              {Vector(n_channels * d_conv_), Vector(d_inner_ * d_state_)});
    Logits result;
    for (const Token token : tokens) {
      Vector x = embed(ends_, token);
      for (std::size_t il = 0; il < n_layer_; ++il) {
        const Vector normed = rms_norm(x, layers_[il].norm.v, eps_, noise);
        add(x, mixer(layers_[il], normed, states[il], noise), noise);
      }
      result.push_back(project(ends_, rms_norm(x, ends_.norm.v, eps_, noise), noise));
    }
    return result;
  }

 private:
  Vector mixer(const Layer& w, const Vector& normed, State& state, Noise& noise) const {
    const std::size_t n_bc = n_group_ * d_state_;
    const Vector p = linear(w.in, normed, noise);
    const Vector gate = slice(p, 0, d_inner_);
    const Vector raw = slice(p, d_inner_, d_inner_ + 2 * n_bc);
    const Vector dt = slice(p, 2 * d_inner_ + 2 * n_bc, n_head_);
    const Vector xbc = short_conv(w.conv, w.conv_bias, raw, state.window, noise);
    const Vector x = slice(xbc, 0, d_inner_);
    const Vector b = slice(xbc, d_inner_, n_bc);
    const Vector c = slice(xbc, d_inner_ + n_bc, n_bc);

    Vector y = ssd_scan({.x = x,
                         .dt = dt,
                         .b = b,
                         .c = c,
                         .dt_bias = w.dt_bias.v,
                         .a = w.a.v,
                         .skip = w.d.v,
                         .n_group = n_group_},
                        state.s, noise);
    gate_with(y, gate, noise);
    Vector normed_y;
    const std::size_t group_size = d_inner_ / n_group_;
    for (std::size_t g = 0; g < n_group_; ++g) {
      const Vector weight = slice(w.gated_norm.v, g * group_size, group_size);
      const Vector part = rms_norm(slice(y, g * group_size, group_size), weight, eps_, noise);
      normed_y.insert(normed_y.end(), part.begin(), part.end());
    }
    return linear(w.out, normed_y, noise);
  }

  std::size_t n_layer_, d_conv_, d_inner_, d_state_, n_head_, n_group_;
  double eps_;
  Ends ends_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Reference> make_mamba2_reference(const GgufFile& file) {
  return std::make_unique<Mamba2Reference>(file);
}

}  // namespace eddy::reference

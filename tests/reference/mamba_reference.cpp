// Mamba (Gu & Dao 2023) and FalconMamba, token by token in double.
#include <string>

#include "reference/architectures.h"
#include "reference/blocks.h"
#include "reference/scans.h"

namespace eddy::reference {
namespace {

struct Layer {
  Tensor norm, in, conv, conv_bias, x, dt, dt_bias, a, d, out;
};

struct State {
  Vector window;  // {d_inner, d_conv}
  Vector s;       // {d_state, d_inner}
};

class MambaReference final : public Reference {
 public:
  explicit MambaReference(const GgufFile& file)
      : n_layer_(size_key(file, "mamba.block_count")),
        d_conv_(size_key(file, "mamba.ssm.conv_kernel")),
        d_inner_(size_key(file, "mamba.ssm.inner_size")),
        d_state_(size_key(file, "mamba.ssm.state_size")),
        dt_rank_(size_key(file, "mamba.ssm.time_step_rank")),
        norm_dt_b_c_(bool_key(file, "mamba.ssm.dt_b_c_rms")),
        eps_(real_key(file, "mamba.attention.layer_norm_rms_epsilon")),
        ends_(read_ends(file)) {
    for (std::size_t il = 0; il < n_layer_; ++il) {
      const std::string blk = "blk." + std::to_string(il) + ".";
      layers_.push_back({.norm = read_tensor(file, blk + "attn_norm.weight"),
                         .in = read_tensor(file, blk + "ssm_in.weight"),
                         .conv = read_tensor(file, blk + "ssm_conv1d.weight"),
                         .conv_bias = read_tensor(file, blk + "ssm_conv1d.bias"),
                         .x = read_tensor(file, blk + "ssm_x.weight"),
                         .dt = read_tensor(file, blk + "ssm_dt.weight"),
                         .dt_bias = read_tensor(file, blk + "ssm_dt.bias"),
                         .a = read_tensor(file, blk + "ssm_a"),
                         .d = read_tensor(file, blk + "ssm_d"),
                         .out = read_tensor(file, blk + "ssm_out.weight")});
    }
  }

  Logits logits(std::span<const Token> tokens, Noise noise) const override {
    std::vector<State> states(n_layer_, {Vector(d_inner_ * d_conv_), Vector(d_inner_ * d_state_)});
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
    const Vector xz = linear(w.in, normed, noise);
    const Vector u = slice(xz, 0, d_inner_);
    const Vector gate = slice(xz, d_inner_, d_inner_);
    const Vector v = short_conv(w.conv, w.conv_bias, u, state.window, noise);

    const Vector q = linear(w.x, v, noise);
    Vector dt_r = slice(q, 0, dt_rank_);
    Vector b = slice(q, dt_rank_, d_state_);
    Vector c = slice(q, dt_rank_ + d_state_, d_state_);
    if (norm_dt_b_c_) {
      dt_r = rms_norm(dt_r, {}, eps_, noise);
      b = rms_norm(b, {}, eps_, noise);
      c = rms_norm(c, {}, eps_, noise);
    }
    const Vector dt = linear(w.dt, dt_r, noise);

    Vector y = selective_scan(
        {.x = v, .dt = dt, .b = b, .c = c, .dt_bias = w.dt_bias.v, .a = w.a.v, .skip = w.d.v},
        state.s, noise);
    gate_with(y, gate, noise);
    return linear(w.out, y, noise);
  }

  std::size_t n_layer_, d_conv_, d_inner_, d_state_, dt_rank_;
  bool norm_dt_b_c_;
  double eps_;
  Ends ends_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Reference> make_mamba_reference(const GgufFile& file) {
  return std::make_unique<MambaReference>(file);
}

}  // namespace eddy::reference

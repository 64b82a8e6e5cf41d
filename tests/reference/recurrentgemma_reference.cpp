// RecurrentGemma (Botev et al. 2024; De et al. 2024, "Griffin"), token by token in double, with
// lists of keys and values that grow.
#include <cmath>
#include <numbers>
#include <string>

#include "reference/architectures.h"
#include "reference/blocks.h"

namespace eddy::reference {
namespace {

struct Dense {
  Tensor weight, bias;
};

struct Layer {
  Tensor norm1, norm2;
  Dense gate, up, down;
  // Recurrent layers.
  Dense y, x, out, gate_x, gate_a;
  Tensor conv, conv_bias, decay;
  // Attention layers: those that have q.
  Tensor q, k, v;
  Dense output;
};

struct State {
  Vector window, h;  // of a recurrent layer; h is empty before the first token
  std::vector<Vector> keys, values;
};

Dense read_dense(const GgufFile& file, const std::string& name) {
  return {read_tensor(file, name + ".weight"), read_tensor(file, name + ".bias")};
}

Layer read_layer(const GgufFile& file, const std::string& blk) {
  return {.norm1 = read_tensor(file, blk + "attn_norm.weight"),
          .norm2 = read_tensor(file, blk + "ffn_norm.weight"),
          .gate = read_dense(file, blk + "ffn_gate"),
          .up = read_dense(file, blk + "ffn_up"),
          .down = read_dense(file, blk + "ffn_down"),
          .y = read_dense(file, blk + "rglru_y"),
          .x = read_dense(file, blk + "rglru_x"),
          .out = read_dense(file, blk + "ssm_out"),
          .gate_x = read_dense(file, blk + "rglru_gate_x"),
          .gate_a = read_dense(file, blk + "rglru_gate_a"),
          .conv = read_tensor(file, blk + "ssm_conv1d.weight"),
          .conv_bias = read_tensor(file, blk + "ssm_conv1d.bias"),
          .decay = read_tensor(file, blk + "rglru_a"),
          .q = read_tensor(file, blk + "attn_q.weight"),
          .k = read_tensor(file, blk + "attn_k.weight"),
          .v = read_tensor(file, blk + "attn_v.weight"),
          .output = read_dense(file, blk + "attn_output")};
}

double gelu(double v) {
  const double inner = std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v);
  return 0.5 * v * (1 + std::tanh(inner));
}

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

Vector apply(const Dense& layer, const Vector& x, Noise& noise) {
  Vector out = linear(layer.weight, x, noise);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = noise.rounded(out[i] + layer.bias.v[i], 1, std::abs(out[i] + layer.bias.v[i]));
  }
  return out;
}

// act(gate) * x
Vector gated(const Vector& gate, const Vector& x, Noise& noise) {
  Vector out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = gelu(gate[i]) * x[i];
    // Of an error of the gate's argument the sigmoid makes up to |argument| times as much.
    out.push_back(noise.rounded(v, 8 + 2 * std::abs(gate[i]), std::abs(v)));
  }
  return out;
}

// Depthwise, without activation; window {n, d_conv}: the oldest input first.
Vector convolved(const Layer& w, const Vector& x, Vector& window, Noise& noise) {
  const auto d_conv = static_cast<std::size_t>(w.conv.ne[0]);
  const std::size_t n = x.size();
  window.resize(n * d_conv);
  window.erase(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(n));
  for (const double v : x) window.push_back(v * (1 + noise.draw() * noise.state_s));
  Vector out;
  for (std::size_t c = 0; c < n; ++c) {
    double sum = w.conv_bias.v[c], magnitude = std::abs(sum);
    for (std::size_t k = 0; k < d_conv; ++k) {
      sum += w.conv.v[c * d_conv + k] * window[k * n + c];
      magnitude += std::abs(w.conv.v[c * d_conv + k] * window[k * n + c]);
    }
    out.push_back(noise.rounded(sum, static_cast<double>(d_conv) + 1, magnitude));
  }
  return out;
}

// sigmoid(u W + b), W of blocks {n, n} on the diagonal.
Vector block_gate(const Dense& gate, const Vector& u, Noise& noise) {
  const auto n = static_cast<std::size_t>(gate.weight.ne[0]);
  Vector out;
  for (std::size_t o = 0; o < u.size(); ++o) {
    const std::size_t first = o / n * n;  // of the block's inputs
    double sum = gate.bias.v[o], magnitude = std::abs(sum);
    for (std::size_t i = 0; i < n; ++i) {
      sum += gate.weight.v[o * n + i] * u[first + i];
      magnitude += std::abs(gate.weight.v[o * n + i] * u[first + i]);
    }
    const double argument = noise.rounded(sum, static_cast<double>(n) / 16 + 7, magnitude);
    out.push_back(noise.rounded(sigmoid(argument), 6, sigmoid(argument)));
  }
  return out;
}

Vector recurrent_block(const Layer& w, const Vector& n, State& state, Noise& noise) {
  const Vector y = apply(w.y, n, noise);
  const Vector u = convolved(w, apply(w.x, n, noise), state.window, noise);
  const Vector input_gate = block_gate(w.gate_x, u, noise);
  const Vector recurrent_gate = block_gate(w.gate_a, u, noise);
  const bool is_first = state.h.empty();
  state.h.resize(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) {
    const double log_a = recurrent_gate[i] * w.decay.v[i];
    const double a = is_first ? 0 : std::exp(log_a);
    const double scale = is_first ? 1 : std::sqrt(-std::expm1(2 * log_a));
    const double input = scale * input_gate[i] * u[i];
    state.h[i] =
        noise.rounded(a * state.h[i] + input, 12, std::abs(a * state.h[i]) + std::abs(input));
    state.h[i] *= 1 + noise.draw() * noise.state_r;
  }
  return apply(w.out, gated(y, state.h, noise), noise);
}

class RecurrentGemmaReference final : public Reference {
 public:
  explicit RecurrentGemmaReference(const GgufFile& file)
      : n_head_(size_key(file, "recurrentgemma.attention.head_count")),
        head_dim_(size_key(file, "recurrentgemma.attention.key_length")),
        n_back_(size_key(file, "recurrentgemma.attention.sliding_window")),
        n_rotated_(size_key(file, "recurrentgemma.rope.dimension_count")),
        base_(real_key(file, "recurrentgemma.rope.freq_base")),
        eps_(real_key(file, "recurrentgemma.attention.layer_norm_rms_epsilon")),
        scale_(real_key(file, "recurrentgemma.embedding_scale")),
        cap_(real_key(file, "recurrentgemma.final_logit_softcapping")),
        ends_(read_ends(file)) {
    for (std::size_t il = 0; il < size_key(file, "recurrentgemma.block_count"); ++il) {
      layers_.push_back(read_layer(file, "blk." + std::to_string(il) + "."));
    }
  }

  Logits logits(std::span<const Token> tokens, Noise noise) const override {
    std::vector<State> states(layers_.size());
    Logits result;
    for (const Token token : tokens) {
      Vector x = embed(ends_, token);
      for (double& v : x) v = scale_ == 0 ? v : noise.rounded(v * scale_, 1, std::abs(v * scale_));
      for (std::size_t il = 0; il < layers_.size(); ++il) {
        const Layer& w = layers_[il];
        const Vector n = rms_norm(x, w.norm1.v, eps_, noise);
        add(x,
            w.q.v.empty() ? recurrent_block(w, n, states[il], noise)
                          : attention_block(w, n, states[il], noise),
            noise);
        const Vector m = rms_norm(x, w.norm2.v, eps_, noise);
        const Vector gate = apply(w.gate, m, noise), up = apply(w.up, m, noise);
        add(x, apply(w.down, gated(gate, up, noise), noise), noise);
      }
      Vector z = project(ends_, rms_norm(x, ends_.norm.v, eps_, noise), noise);
      for (double& v : z) v = cap_ == 0 ? v : capped(v, noise);
      result.push_back(z);
    }
    return result;
  }

 private:
  double capped(double v, Noise& noise) const {
    const double result = cap_ * std::tanh(v / cap_);
    return noise.rounded(result, 8, std::abs(result));
  }

  // Pairs (d, d + n / 2) of the first n elements of every head turn by pos base^(-2 d / n).
  void rotate(Vector& x, std::size_t pos, Noise& noise) const {
    const std::size_t n_pairs = n_rotated_ / 2;
    for (std::size_t head = 0; head < x.size(); head += head_dim_) {
      for (std::size_t d = 0; d < n_pairs; ++d) {
        const double share = static_cast<double>(d) / static_cast<double>(n_pairs);
        const double angle = static_cast<double>(pos) * std::pow(base_, -share);
        const double a = x[head + d], b = x[head + n_pairs + d], size = std::abs(a) + std::abs(b);
        x[head + d] = noise.rounded(a * std::cos(angle) - b * std::sin(angle), 3, size);
        x[head + n_pairs + d] = noise.rounded(a * std::sin(angle) + b * std::cos(angle), 3, size);
      }
    }
  }

  Vector attention_block(const Layer& w, const Vector& n, State& state, Noise& noise) const {
    const std::size_t pos = state.keys.size();
    Vector q = linear(w.q, n, noise), k = linear(w.k, n, noise), v = linear(w.v, n, noise);
    rotate(q, pos, noise);
    rotate(k, pos, noise);
    for (double& x : k) x *= 1 + noise.draw() * noise.state_kv;
    for (double& x : v) x *= 1 + noise.draw() * noise.state_kv;
    state.keys.push_back(k);
    state.values.push_back(v);
    Vector out;
    for (std::size_t h = 0; h < n_head_; ++h) {
      const Vector head = attention_head(slice(q, h * head_dim_, head_dim_), h, state, noise);
      out.insert(out.end(), head.begin(), head.end());
    }
    return apply(w.output, out, noise);
  }

  // t - s <= n_back: that many earlier tokens, and the token itself.
  Vector attention_head(const Vector& q, std::size_t h, const State& state, Noise& noise) const {
    const std::size_t last = state.keys.size() - 1, first = last > n_back_ ? last - n_back_ : 0;
    const std::size_t n_head_kv = state.keys[0].size() / head_dim_;
    const std::size_t kv = h / (n_head_ / n_head_kv) * head_dim_;
    Vector out(head_dim_), magnitude(head_dim_);
    double sum = 0;
    for (std::size_t s = first; s <= last; ++s) {
      double score = 0, size = 0;
      for (std::size_t d = 0; d < head_dim_; ++d) {
        score += q[d] * state.keys[s][kv + d];
        size += std::abs(q[d] * state.keys[s][kv + d]);
      }
      const double root = std::sqrt(static_cast<double>(head_dim_));
      score = noise.rounded(score, static_cast<double>(head_dim_) / 16 + 8, size) / root;
      const double p = noise.rounded(std::exp(score), 8 + 2 * std::abs(score), std::exp(score));
      sum += p;
      for (std::size_t d = 0; d < head_dim_; ++d) {
        out[d] += p * state.values[s][kv + d];
        magnitude[d] += std::abs(p * state.values[s][kv + d]);
      }
    }
    const double n_roundings = 32 + static_cast<double>(last - first) / 32 + 4;
    for (std::size_t d = 0; d < head_dim_; ++d) {
      out[d] = noise.rounded(out[d] / sum, n_roundings, magnitude[d] / sum);
    }
    return out;
  }

  std::size_t n_head_, head_dim_, n_back_, n_rotated_;
  double base_, eps_, scale_, cap_;
  Ends ends_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Reference> make_recurrentgemma_reference(const GgufFile& file) {
  return std::make_unique<RecurrentGemmaReference>(file);
}

}  // namespace eddy::reference

#include "reference/rwkv_blocks.h"

#include <algorithm>
#include <cmath>

namespace eddy::reference {
namespace {

// A sum that is built term by term, with the roundings of so many additions.
class Sum {
 public:
  void add(double term) {
    sum_ += term;
    magnitude_ += std::abs(term);
    ++n_;
  }
  double rounded(Noise& noise) const { return noise.rounded(sum_, n_ + 2, magnitude_); }

 private:
  double sum_ = 0, magnitude_ = 0, n_ = 0;
};

// An element of the state: the sum of up to three terms, as the state's type keeps it.
double updated(double kept, double added, double corrected, Noise& noise) {
  const double magnitude = std::abs(kept) + std::abs(added) + std::abs(corrected);
  const double s = noise.rounded(kept + added + corrected, 4, magnitude);
  return s * (1 + noise.draw() * noise.state_r);
}

}  // namespace

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

Vector sigmoid(const Vector& x, const Vector& bias, Noise& noise) {
  Vector out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double sum = bias.empty() ? x[i] : x[i] + bias[i];
    const double v = sigmoid(noise.rounded(sum, 1, std::abs(sum)));
    out.push_back(noise.rounded(v, 6, v));
  }
  return out;
}

Vector tanh(const Vector& x, Noise& noise) {
  Vector out;
  for (const double v : x) out.push_back(noise.rounded(std::tanh(v), 6, std::abs(std::tanh(v))));
  return out;
}

Vector relu_squared(const Vector& x, Noise& noise) {
  Vector out;
  for (const double v : x) out.push_back(v > 0 ? noise.rounded(v * v, 1, v * v) : 0);
  return out;
}

Vector layer_norm(const Vector& x, const Vector& weight, const Vector& bias, double eps,
                  Noise& noise) {
  const double n = static_cast<double>(x.size());
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / n;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  const double scale = 1 / std::sqrt(variance + eps);
  Vector out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = (x[i] - mean) * scale * weight[i];
    const double magnitude = (std::abs(x[i]) + std::abs(mean)) * scale * std::abs(weight[i]);
    out.push_back(noise.rounded(v + bias[i], n / 16 + 10, magnitude + std::abs(bias[i])));
  }
  return out;
}

Vector group_norm(const Vector& x, const Vector& weight, const Vector& bias, std::size_t head_size,
                  Noise& noise) {
  Vector out;
  for (std::size_t first = 0; first < x.size(); first += head_size) {
    const Vector head = layer_norm(slice(x, first, head_size), slice(weight, first, head_size),
                                   slice(bias, first, head_size), 0.00064, noise);
    out.insert(out.end(), head.begin(), head.end());
  }
  return out;
}

Vector token_shift(const Vector& x, Vector& before, Noise& noise) {
  Vector delta;
  for (std::size_t i = 0; i < x.size(); ++i) {
    delta.push_back(noise.rounded(before[i] - x[i], 1, std::abs(before[i] - x[i])));
    before[i] = x[i] * (1 + noise.draw() * noise.state_s);
  }
  return delta;
}

Vector lerp(const Vector& x, const Vector& delta, const Vector& lerp, Noise& noise) {
  Vector out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double step = delta[i] * lerp[i];
    out.push_back(noise.rounded(x[i] + step, 2, std::abs(x[i]) + std::abs(step)));
  }
  return out;
}

Vector times(const Vector& x, const Vector& y, Noise& noise) {
  Vector out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    out.push_back(noise.rounded(x[i] * y[i], 1, std::abs(x[i] * y[i])));
  }
  return out;
}

Vector lora(const Tensor& down, const Tensor& up, Between f, const Vector& x, Noise& noise) {
  Vector low = linear(down, x, noise);
  if (f == Between::kTanh) low = tanh(low, noise);
  if (f == Between::kSigmoid) low = sigmoid(low, {}, noise);
  return linear(up, low, noise);
}

Vector swiglu(const Tensor& gate, const Tensor& up, const Tensor& down, const Vector& x,
              Noise& noise) {
  Vector v = linear(up, x, noise);
  gate_with(v, linear(gate, x, noise), noise);
  return linear(down, v, noise);
}

Vector wkv6(const Wkv6& args, Vector& s, Noise& noise) {
  const std::size_t size = args.head_size;
  const double scale = args.u.empty() ? 1 / std::sqrt(static_cast<double>(size)) : 1;
  Vector y;
  for (std::size_t h = 0; h < args.r.size() / size; ++h) {
    for (std::size_t j = 0; j < size; ++j) {
      Sum sum;
      for (std::size_t i = h * size; i < (h + 1) * size; ++i) {
        const double v = args.v[h * size + j], old = s[i * size + j];
        s[i * size + j] = updated(args.w[i] * old, args.k[i] * v, 0, noise);
        if (args.u.empty()) {
          sum.add(scale * args.r[i] * s[i * size + j]);
        } else {
          sum.add(args.r[i] * args.u[i] * args.k[i] * v);
          sum.add(args.r[i] * old);
        }
      }
      y.push_back(sum.rounded(noise));
    }
  }
  return y;
}

Vector wkv7(const Wkv7& args, Vector& s, Noise& noise) {
  const std::size_t size = args.head_size;
  Vector y;
  for (std::size_t i = 0; i < args.r.size(); ++i) {
    const std::size_t head = i / size * size;
    double* row = &s[i * size];
    Sum sa, sum;
    for (std::size_t j = 0; j < size; ++j) sa.add(args.a[head + j] * row[j]);
    const double seen = sa.rounded(noise);
    for (std::size_t j = 0; j < size; ++j) {
      row[j] = updated(row[j] * args.w[head + j], args.v[i] * args.k[head + j],
                       seen * args.b[head + j], noise);
      sum.add(row[j] * args.r[head + j]);
    }
    y.push_back(sum.rounded(noise));
  }
  return y;
}

}  // namespace eddy::reference

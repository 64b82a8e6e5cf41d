#include "reference/scans.h"

#include <cmath>

namespace eddy::reference {
namespace {

// softplus(dt + bias), with the errors of the sum and of the function.
double step_size(double dt, double bias, Noise& noise) {
  const double d = softplus(noise.rounded(dt + bias, 1, std::abs(dt) + std::abs(bias)));
  return noise.rounded(d, 6, d);
}

// exp(d a); it turns a relative error of its argument into that times the argument.
double decay_of(double d, double a, Noise& noise) {
  return noise.rounded(std::exp(d * a), 4 + std::abs(d * a), std::exp(d * a));
}

// s <- decay s + added, as an element of the state's type.
void update(double& s, double decay, double added, Noise& noise) {
  s = noise.rounded(s * decay + added, 3, std::abs(s * decay) + std::abs(added));
  s *= 1 + noise.draw() * noise.state_r;
}

// sum_n s[n] c[n] + skip
double read_out(const double* s, const double* c, std::size_t d_state, double skip, Noise& noise) {
  double sum = skip, magnitude = std::abs(skip);
  for (std::size_t n = 0; n < d_state; ++n) {
    sum += s[n] * c[n];
    magnitude += std::abs(s[n] * c[n]);
  }
  return noise.rounded(sum, static_cast<double>(d_state) + 2, magnitude);
}

}  // namespace

Vector selective_scan(const SelectiveScan& args, Vector& s, Noise& noise) {
  const std::size_t d_inner = args.x.size(), d_state = args.b.size();
  Vector y(d_inner);
  for (std::size_t i = 0; i < d_inner; ++i) {
    const double d = step_size(args.dt[i], args.dt_bias[i], noise);
    for (std::size_t n = 0; n < d_state; ++n) {
      const double decay = decay_of(d, args.a[i * d_state + n], noise);
      update(s[i * d_state + n], decay, d * args.x[i] * args.b[n], noise);
    }
    y[i] = read_out(&s[i * d_state], args.c.data(), d_state, args.skip[i] * args.x[i], noise);
  }
  return y;
}

Vector ssd_scan(const SsdScan& args, Vector& s, Noise& noise) {
  const std::size_t n_head = args.dt.size();
  const std::size_t head_dim = args.x.size() / n_head;
  const std::size_t d_state = args.b.size() / args.n_group;
  Vector y(args.x.size());
  for (std::size_t h = 0; h < n_head; ++h) {
    const std::size_t g = h / (n_head / args.n_group);
    const double d = step_size(args.dt[h], args.dt_bias[h], noise);
    const double decay = decay_of(d, args.a[h], noise);
    for (std::size_t i = h * head_dim; i < (h + 1) * head_dim; ++i) {
      for (std::size_t n = 0; n < d_state; ++n) {
        update(s[i * d_state + n], decay, d * args.x[i] * args.b[g * d_state + n], noise);
      }
      y[i] =
          read_out(&s[i * d_state], &args.c[g * d_state], d_state, args.skip[h] * args.x[i], noise);
    }
  }
  return y;
}

}  // namespace eddy::reference

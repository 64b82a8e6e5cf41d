#include "cli/bench_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/svg_plot.h"

namespace eddy {
namespace {

double n_multiply_adds(const Measured& m) {
  return m.work.multiply_adds.int8 + m.work.multiply_adds.f32;
}

// Multiply-adds for each byte.
double intensity(const Measured& m) { return n_multiply_adds(m) / m.work.bytes; }

// Measurements by "name, N threads", each as a point that `at` gives, from left to right.
template <class At>
void add_series(const std::vector<Measured>& all, const std::string& test, const At& at,
                std::vector<PlotSeries>& series) {
  std::map<int, PlotSeries> by_threads;
  for (const Measured& m : all) {
    if (m.test != test) continue;
    PlotSeries& one = by_threads[m.n_threads];
    one.label = fmt::format("{}, -t {}", test, m.n_threads);
    one.points.push_back(at(m));
  }
  for (auto& [n_threads, one] : by_threads) {
    std::ranges::sort(one.points);
    series.push_back(std::move(one));
  }
}

PlotPanel tokens_over_sequences(const std::vector<Measured>& all) {
  PlotPanel panel = {.title = "Decoding: tokens/s",
                     .x_label = "sequences decoded together",
                     .is_log = true,
                     .series = {}};
  add_series(
      all, "decode",
      [](const Measured& m) { return std::pair(static_cast<double>(m.n_seqs), m.tokens_per_s); },
      panel.series);
  return panel;
}

// What the machine of m could do with the multiply-adds of m at any intensity: a rise where memory
// bounds, then level. Its corner, and a point on either side that shows all measurements.
PlotSeries roof(const Measured& m, double low, double high) {
  const double peak = n_multiply_adds(m) / m.compute_s();
  const double corner = peak / m.machine.read_bytes_per_s;
  PlotSeries series = {.label = fmt::format("limit, -t {}", m.n_threads), .points = {}};
  for (const double x : {std::min(low, corner), corner, std::max(high, corner)}) {
    series.points.emplace_back(x, 1e-9 * std::min(peak, x * m.machine.read_bytes_per_s));
  }
  return series;
}

// With the most threads that were measured.
PlotPanel roofline(std::vector<Measured> all) {
  const int n_threads = std::ranges::max(all, {}, &Measured::n_threads).n_threads;
  std::erase_if(all, [&](const Measured& m) { return m.n_threads != n_threads; });
  PlotPanel panel = {.title = "10^9 multiply-adds/s",
                     .x_label = "multiply-adds for each byte read",
                     .is_log = true,
                     .series = {}};
  const auto [low, high] = std::ranges::minmax(all, {}, intensity);
  panel.series.push_back(roof(all.front(), intensity(low), intensity(high)));
  const auto point = [](const Measured& m) {
    return std::pair(intensity(m), 1e-9 * n_multiply_adds(m) * m.tokens_per_s);
  };
  for (const char* test : {"decode", "prefill"}) add_series(all, test, point, panel.series);
  return panel;
}

}  // namespace

TableRow Measured::row() const {
  const double s = 1 / tokens_per_s;
  return {{"test", test},
          {"n_tokens", n_tokens},
          {"n_seqs", std::int64_t{n_seqs}},
          {"threads", std::int64_t{n_threads}},
          {"isa", isa},
          {"tokens_per_s", tokens_per_s},
          {"slowest", slowest},
          {"fastest", fastest},
          {"bandwidth_share", memory_s() / s, 3},
          {"compute_share", compute_s() / s, 3},
          {"limit_share", std::max(memory_s(), compute_s()) / s, 3},
          {"read_gb_per_s", 1e-9 * machine.read_bytes_per_s, 1},
          {"f32_gmac_per_s", 1e-9 * machine.f32_macs_per_s, 1},
          {"int8_gmac_per_s", 1e-9 * machine.int8_macs_per_s, 1}};
}

std::string bench_chart(const std::vector<Measured>& all) {
  std::vector<PlotPanel> panels;
  PlotPanel decoding = tokens_over_sequences(all);
  if (!decoding.series.empty()) panels.push_back(std::move(decoding));
  if (!all.empty()) panels.push_back(roofline(all));
  return svg_plot(panels);
}

}  // namespace eddy

#include "cli/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "engine/utf8_stream.h"

namespace eddy {
namespace {

constexpr double kWidth = 760, kPanelHeight = 280;
constexpr double kLeft = 70, kRight = 20, kTop = 40, kBottom = 45;
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr double kPlotHeight = kPanelHeight - kTop - kBottom;
constexpr int kMostTicks = 12, kMostTicksOfY = 5;
constexpr std::array kColours = {"#1b6ca8", "#d1495b", "#3a7d44", "#7a5195"};

// As XML wants it, whatever the bytes.
std::string escaped(std::string_view text) {
  Utf8Stream stream;
  std::string whole, out;
  stream.push(text, whole);
  stream.finish(whole);
  for (const char c : whole) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

// The beginning of a text, where it is long.
std::string shortened(const std::string& text) {
  constexpr std::size_t kMost = 18;
  if (text.size() <= kMost) return text;
  std::size_t n = kMost;
  while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  return text.substr(0, n) + "...";
}

// 1, 2 or 5 times a power of ten, so that at most n steps reach `most`.
double nice_step(double most, int n) {
  if (!(most > 0)) return 1;
  const double power = std::pow(10, std::floor(std::log10(most / n)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power * n >= most) return factor * power;
  }
  return 10 * power;
}

// Where values lie between the ends of an axis, and which of them are written at it.
class Axis {
 public:
  // Whole numbers from `first` to `last`.
  static Axis whole(double first, double last) {
    return {first, last, std::max(1.0, nice_step(last - first + 1, kMostTicks)), false};
  }
  // From 0 to `last` or a little more.
  static Axis from_zero(double last) {
    const double step = nice_step(last, kMostTicksOfY);
    return {0, step * std::max(1.0, std::ceil(last / step)), step, false};
  }
  // Powers of two around all from `first` to `last`.
  static Axis powers(double first, double last, int most_ticks) {
    const double low = std::floor(std::log2(first));
    const double high = std::max(std::ceil(std::log2(last)), low + 1);
    return {low, high, std::ceil((high - low) / most_ticks), true};
  }

  // 0 at the first end, 1 at the last.
  double place(double value) const {
    return ((is_log_ ? std::log2(value) : value) - first_) / std::max(1e-300, last_ - first_);
  }
  std::vector<double> ticks() const {
    std::vector<double> all;
    for (double at = first_; at <= last_ + step_ / 1000; at += step_) {
      all.push_back(is_log_ ? std::exp2(at) : at);
    }
    return all;
  }

 private:
  Axis(double first, double last, double step, bool is_log)
      : first_(first), last_(last), step_(step), is_log_(is_log) {}

  double first_, last_, step_;  // of the logarithms, where is_log_
  bool is_log_;
};

// The smallest and the largest x and y of all points; 1 where there are none.
struct Extent {
  double x_first = 1, x_last = 1, y_first = 1, y_last = 1;

  explicit Extent(const PlotPanel& panel) {
    bool is_empty = true;
    for (const PlotSeries& series : panel.series) {
      for (const auto& [x, y] : series.points) {
        x_first = is_empty ? x : std::min(x_first, x);
        x_last = is_empty ? x : std::max(x_last, x);
        y_first = is_empty ? y : std::min(y_first, y);
        y_last = is_empty ? y : std::max(y_last, y);
        is_empty = false;
      }
    }
  }
};

class Panel {
 public:
  Panel(const PlotPanel& panel, double top) : Panel(panel, top, Extent(panel)) {}

  std::string draw() const {
    std::string svg = text(kLeft, top_ + 22, "start", "bold", panel_.title);
    svg += y_axis() + x_axis();
    for (std::size_t i = 0; i < panel_.series.size(); ++i) {
      svg += curve(panel_.series[i], kColours[i % kColours.size()]) + legend(i);
    }
    return svg;
  }

 private:
  Panel(const PlotPanel& panel, double top, const Extent& extent)
      : panel_(panel),
        top_(top),
        x_(panel.is_log ? Axis::powers(extent.x_first, extent.x_last, kMostTicks)
                        : Axis::whole(extent.x_first, extent.x_last)),
        y_(panel.is_log ? Axis::powers(extent.y_first, extent.y_last, kMostTicksOfY)
                        : Axis::from_zero(extent.y_last)) {}

  double x_at(double x) const { return kLeft + 10 + (kPlotWidth - 20) * x_.place(x); }
  double y_at(double y) const { return top_ + kTop + kPlotHeight * (1 - y_.place(y)); }

  static std::string text(double x, double y, const char* anchor, const char* weight,
                          const std::string& words) {
    return fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-weight=\"{}\">{}</text>\n", x, y,
        anchor, weight, escaped(words));
  }
  static std::string line(double x0, double y0, double x1, double y1, const char* colour) {
    return fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x0, y0,
        x1, y1, colour);
  }

  std::string y_axis() const {
    std::string svg;
    for (const double value : y_.ticks()) {
      const double y = y_at(value);
      svg += line(kLeft, y, kWidth - kRight, y, svg.empty() ? "#444" : "#ddd");
      svg += text(kLeft - 8, y + 4, "end", "normal", fmt::format("{:.4g}", value));
    }
    return svg;
  }

  std::string x_axis() const {
    const double y = top_ + kTop + kPlotHeight;
    std::string svg;
    for (const double x : x_.ticks()) {
      svg += line(x_at(x), y, x_at(x), y + 4, "#444");
      svg += text(x_at(x), y + 18, "middle", "normal", fmt::format("{:.4g}", x));
    }
    return svg + text(kLeft + kPlotWidth / 2, y + 36, "middle", "normal", panel_.x_label);
  }

  std::string curve(const PlotSeries& series, const char* colour) const {
    std::string path, dots;
    for (const auto& [x, y] : series.points) {
      path += fmt::format("{:.1f},{:.1f} ", x_at(x), y_at(y));
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x_at(x),
                          y_at(y), colour);
    }
    return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n",
                       path, colour) +
           dots;
  }

  // At the right of the title, the last series outermost.
  std::string legend(std::size_t i) const {
    constexpr double kRoom = 150;
    const auto n_behind = static_cast<double>(panel_.series.size() - i);
    const double x = kWidth - kRight - kRoom * n_behind;
    return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", x, top_ + 18,
                       kColours[i % kColours.size()]) +
           text(x + 10, top_ + 22, "start", "normal", shortened(panel_.series[i].label));
  }

  const PlotPanel& panel_;
  double top_;
  Axis x_, y_;
};

}  // namespace

std::string svg_plot(const std::vector<PlotPanel>& panels) {
  const double height = kPanelHeight * static_cast<double>(panels.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\""
      " font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, height);
  for (std::size_t i = 0; i < panels.size(); ++i) {
    svg += Panel(panels[i], kPanelHeight * static_cast<double>(i)).draw();
  }
  return svg + "</svg>\n";
}

}  // namespace eddy

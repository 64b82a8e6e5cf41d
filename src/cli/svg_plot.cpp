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
constexpr int kMostTicks = 12;
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

class Panel {
 public:
  Panel(const PlotPanel& panel, double top) : panel_(panel), top_(top) {
    for (const PlotSeries& series : panel.series) {
      for (const auto& [x, y] : series.points) {
        x_first_ = is_empty_ ? x : std::min(x_first_, x);
        x_last_ = is_empty_ ? x : std::max(x_last_, x);
        y_most_ = std::max(y_most_, y);
        is_empty_ = false;
      }
    }
    y_step_ = nice_step(y_most_, 5);
    y_most_ = y_step_ * std::max(1.0, std::ceil(y_most_ / y_step_));
  }

  std::string draw() const {
    std::string svg = text(kLeft, top_ + 22, "start", "bold", panel_.title);
    svg += y_axis() + x_axis();
    for (std::size_t i = 0; i < panel_.series.size(); ++i) {
      svg += curve(panel_.series[i], kColours[i % kColours.size()]) + legend(i);
    }
    return svg;
  }

 private:
  double x_at(int x) const {
    const int n = std::max(1, x_last_ - x_first_);
    return kLeft + 10 + (kPlotWidth - 20) * (x - x_first_) / n;
  }
  double y_at(double y) const { return top_ + kTop + kPlotHeight * (1 - y / y_most_); }

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
    for (int i = 0; i * y_step_ <= y_most_ * 1.001; ++i) {
      const double y = y_at(i * y_step_);
      svg += line(kLeft, y, kWidth - kRight, y, i == 0 ? "#444" : "#ddd");
      svg += text(kLeft - 8, y + 4, "end", "normal", fmt::format("{:.4g}", i * y_step_));
    }
    return svg;
  }

  std::string x_axis() const {
    const double y = top_ + kTop + kPlotHeight;
    const int step = std::max(1, static_cast<int>(nice_step(x_last_ - x_first_ + 1, kMostTicks)));
    std::string svg;
    for (int x = x_first_; x <= x_last_; x += step) {
      svg += line(x_at(x), y, x_at(x), y + 4, "#444");
      svg += text(x_at(x), y + 18, "middle", "normal", fmt::format("{}", x));
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
  bool is_empty_ = true;
  int x_first_ = 0, x_last_ = 0;
  double y_most_ = 0, y_step_ = 1;
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

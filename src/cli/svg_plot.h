// Lines through points, as an SVG file.
#pragma once

#include <string>
#include <vector>

namespace eddy {

// A curve with a point at each x that has a value.
struct PlotSeries {
  std::string label;
  std::vector<std::pair<double, double>> points;  // (x, y), y >= 0; both positive where logarithmic
};

// Curves over one pair of axes. y starts at 0, unless both axes are logarithmic.
struct PlotPanel {
  std::string title;
  std::string x_label;
  bool is_log = false;
  std::vector<PlotSeries> series;
};

// The panels, one below the other. Labels may be any UTF-8.
std::string svg_plot(const std::vector<PlotPanel>& panels);

}  // namespace eddy

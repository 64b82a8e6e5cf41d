// Lines over whole numbers, as an SVG file.
#pragma once

#include <string>
#include <vector>

namespace eddy {

// A curve with a point at each x that has a value.
struct PlotSeries {
  std::string label;
  std::vector<std::pair<int, double>> points;  // (x, y), y >= 0
};

// Curves over one pair of axes; y starts at 0.
struct PlotPanel {
  std::string title;
  std::string x_label;
  std::vector<PlotSeries> series;
};

// The panels, one below the other. Labels may be any UTF-8.
std::string svg_plot(const std::vector<PlotPanel>& panels);

}  // namespace eddy

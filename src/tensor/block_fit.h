// Scales for quantised weights: x[i] is about scale q[i] - low with q[i] an integer of a range.
//
// A fit has the least of sum_i w[i] (x[i] - scale q[i] + low)^2 that was found, where w[i] is
// |x[i]| plus their root mean square: the elements that move an output most count most. Candidate
// scales spread the run over a little more or less than the range; for the integers that follow
// from a candidate, least squares give the best scale and minimum.
#pragma once

#include <span>

namespace eddy {

struct Fit {
  float scale = 0;
  float low = 0;
};

// Both ends included.
struct QuantRange {
  int least = 0, most = 0;
};

enum class LowSign { kAny, kNotNegative };

// The best scale, of either sign, without a minimum. 0 where all elements are 0.
float fit_scale(std::span<const float> x, QuantRange range);

// The best scale and minimum for integers 0 .. most.
Fit fit_scale_and_low(std::span<const float> x, int most, LowSign sign);

// The integer of the range nearest to v / scale; 0 (or the end next to it) where the scale is 0.
int nearest(float v, float scale, QuantRange range);

// q[i] = nearest(x[i] + low, scale)
void quantise(std::span<const float> x, Fit fit, QuantRange range, std::span<int> q);

}  // namespace eddy

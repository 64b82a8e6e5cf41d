#include "reference/block_formats.h"

#include <array>
#include <cmath>
#include <stdexcept>

namespace eddy::reference {
namespace {

using Block = std::span<const std::byte>;
using Elements = std::vector<BlockElement>;

int byte_at(Block b, std::size_t at) { return std::to_integer<int>(b[at]); }
int signed_at(Block b, std::size_t at) {
  return byte_at(b, at) < 128 ? byte_at(b, at) : byte_at(b, at) - 256;
}
int low_nibble(int byte) { return byte % 16; }
int high_nibble(int byte) { return byte / 16; }
// Bits number at, at + 1, .. of a number.
int bits_of(int number, int at, int count) { return number / (1 << at) % (1 << count); }

constexpr std::array<double, 16> kLevels = {-127, -104, -83, -65, -49, -35, -22, -10,
                                            1,    13,   25,  38,  53,  69,  89,  113};
// E2M1: no, one or half more than one, at four exponents.
double e2m1(int code) {
  const int exponent = bits_of(code, 1, 2), mantissa = bits_of(code, 0, 1);
  const double size = exponent == 0 ? 0.5 * mantissa : std::ldexp(1 + 0.5 * mantissa, exponent - 1);
  return code >= 8 ? -size : size;
}

// --- 32 elements: the low nibbles of sixteen bytes, then the high ones -------------------------

std::array<int, 32> nibbles(Block b, std::size_t at) {
  std::array<int, 32> q{};
  for (std::size_t j = 0; j < 16; ++j) {
    q[j] = low_nibble(byte_at(b, at + j));
    q[j + 16] = high_nibble(byte_at(b, at + j));
  }
  return q;
}

// With a fifth bit for each, in four bytes.
std::array<int, 32> five_bits(Block b, std::size_t high, std::size_t at) {
  std::array<int, 32> q = nibbles(b, at);
  for (std::size_t j = 0; j < 32; ++j) {
    q[j] += 16 * bits_of(byte_at(b, high + j / 8), static_cast<int>(j % 8), 1);
  }
  return q;
}

template <class Value>
Elements elements_of(const std::array<int, 32>& q, const Value& value, double low = 0) {
  Elements out;
  for (const int code : q) out.push_back({value(code), low});
  return out;
}

Elements q8_0(Block b) {
  Elements out;
  for (std::size_t j = 0; j < 32; ++j) out.push_back({half_at(b, 0) * signed_at(b, 2 + j), 0});
  return out;
}

// --- 256 elements -----------------------------------------------------------------------------

// Q2_K, Q3_K: two halves of 128; the four pairs of bits of 32 bytes, one pair after the other.
template <class Element>
Elements by_pairs_of_bits(Block b, std::size_t at, const Element& element) {
  Elements out;
  for (std::size_t half = 0; half < 2; ++half) {
    for (int pair = 0; pair < 4; ++pair) {
      for (std::size_t j = 0; j < 32; ++j) {
        out.push_back(element(out.size(), bits_of(byte_at(b, at + 32 * half + j), 2 * pair, 2)));
      }
    }
  }
  return out;
}

Elements q2_k(Block b) {
  return by_pairs_of_bits(b, 16, [&](std::size_t i, int q) {
    const int scales = byte_at(b, i / 16);
    return BlockElement{half_at(b, 80) * low_nibble(scales) * q,
                        half_at(b, 82) * high_nibble(scales)};
  });
}

Elements q3_k(Block b) {
  std::array<int, 16> scales{};
  for (std::size_t s = 0; s < 8; ++s) {
    scales[s] = low_nibble(byte_at(b, 96 + s));
    scales[s + 8] = high_nibble(byte_at(b, 96 + s));
  }
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t s = 0; s < 4; ++s) {
      scales[4 * k + s] += 16 * bits_of(byte_at(b, 104 + s), static_cast<int>(2 * k), 2);
    }
  }
  return by_pairs_of_bits(b, 32, [&](std::size_t i, int q) {
    const bool has_third_bit = bits_of(byte_at(b, i % 32), static_cast<int>(i / 32), 1) == 1;
    const int value = has_third_bit ? q : q - 4;
    return BlockElement{half_at(b, 108) * (scales[i / 16] - 32) * value, 0};
  });
}

// Q4_K, Q5_K: runs of 32 with six bits of scale and of minimum; a byte holds an element of an even
// run and one of the run that follows.
Elements with_minima(Block b, std::size_t at, bool has_fifth_bit) {
  std::array<int, 8> scale{}, low{};
  for (std::size_t s = 0; s < 4; ++s) {
    const int first = byte_at(b, 4 + s), second = byte_at(b, 8 + s), third = byte_at(b, 12 + s);
    scale[s] = first % 64;
    low[s] = second % 64;
    scale[s + 4] = low_nibble(third) + 16 * (first / 64);
    low[s + 4] = high_nibble(third) + 16 * (second / 64);
  }
  Elements out;
  for (std::size_t run = 0; run < 8; ++run) {
    for (std::size_t j = 0; j < 32; ++j) {
      const int byte = byte_at(b, at + 32 * (run / 2) + j);
      int q = run % 2 == 0 ? low_nibble(byte) : high_nibble(byte);
      if (has_fifth_bit) q += 16 * bits_of(byte_at(b, 16 + j), static_cast<int>(run), 1);
      out.push_back({half_at(b, 0) * scale[run] * q, half_at(b, 2) * low[run]});
    }
  }
  return out;
}

// Two halves of 128; in each the four runs of 32 take low, low, high, high nibbles of 64 bytes, and
// one pair of bits after the other of 32 bytes.
Elements q6_k(Block b) {
  Elements out;
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t run = 0; run < 4; ++run) {
      for (std::size_t j = 0; j < 32; ++j) {
        const int byte = byte_at(b, 64 * half + 32 * (run % 2) + j);
        const int top = bits_of(byte_at(b, 128 + 32 * half + j), static_cast<int>(2 * run), 2);
        const int q = (run < 2 ? low_nibble(byte) : high_nibble(byte)) + 16 * top - 32;
        const int scale = signed_at(b, 192 + out.size() / 16);
        out.push_back({half_at(b, 208) * scale * q, 0});
      }
    }
  }
  return out;
}

Elements iq4_xs(Block b) {
  Elements out;
  const int high = byte_at(b, 2) + 256 * byte_at(b, 3);
  for (std::size_t run = 0; run < 8; ++run) {
    const int pair = byte_at(b, 4 + run / 2);
    const int low = run % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
    const int scale = low + 16 * bits_of(high, static_cast<int>(2 * run), 2) - 32;
    for (const int code : nibbles(b, 8 + 16 * run)) {
      out.push_back({half_at(b, 0) * scale * kLevels[static_cast<std::size_t>(code)], 0});
    }
  }
  return out;
}

}  // namespace

double half_at(std::span<const std::byte> bytes, std::size_t at) {
  const int bits = byte_at(bytes, at) + 256 * byte_at(bytes, at + 1);
  const double sign = bits >= 32768 ? -1 : 1;
  const int exponent = bits / 1024 % 32;
  const double fraction = bits % 1024 / 1024.0;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -14);
  return sign * std::ldexp(1 + fraction, exponent - 15);
}

std::vector<BlockElement> block_elements(DType type, std::span<const std::byte> b) {
  const auto times = [d = half_at(b, 0)](int offset) {
    return [d, offset](int code) { return d * (code + offset); };
  };
  switch (type) {
    case DType::kQ8_0: return q8_0(b);
    case DType::kQ4_0: return elements_of(nibbles(b, 2), times(-8));
    case DType::kQ4_1: return elements_of(nibbles(b, 4), times(0), -half_at(b, 2));
    case DType::kQ5_0: return elements_of(five_bits(b, 2, 6), times(-16));
    case DType::kQ5_1: return elements_of(five_bits(b, 4, 8), times(0), -half_at(b, 2));
    case DType::kIQ4_NL:
      return elements_of(nibbles(b, 2), [d = half_at(b, 0)](int code) {
        return d * kLevels[static_cast<std::size_t>(code)];
      });
    case DType::kMXFP4:
      return elements_of(nibbles(b, 1),
                         [e = byte_at(b, 0)](int code) { return std::ldexp(e2m1(code), e - 127); });
    case DType::kQ2_K: return q2_k(b);
    case DType::kQ3_K: return q3_k(b);
    case DType::kQ4_K: return with_minima(b, 16, false);
    case DType::kQ5_K: return with_minima(b, 48, true);
    case DType::kQ6_K: return q6_k(b);
    case DType::kIQ4_XS: return iq4_xs(b);
    default: throw std::runtime_error("the references do not know this block format");
  }
}

}  // namespace eddy::reference

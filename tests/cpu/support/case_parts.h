// What the files with op cases share.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "cpu/support/op_cases.h"

namespace eddy::test {

inline constexpr DType kStateTypes[] = {DType::kF32, DType::kF16, DType::kBF16};

// How many sequences, and how many tokens of each.
struct Load {
  int n_seqs = 3, n_tokens = 9;
};

inline std::string load_name(Load load) { return fmt::format("{}x{}", load.n_seqs, load.n_tokens); }

inline std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
inline std::uint64_t elems(std::int64_t n) { return static_cast<std::uint64_t>(n); }
inline double real(std::int64_t n) { return static_cast<double>(n); }

inline reference::StateType state_type(DType type) {
  if (type == DType::kF16) return reference::kStateF16;
  return type == DType::kBF16 ? reference::kStateBF16 : reference::kStateF32;
}

// A reference that is a loop over the tokens of a sequence.
template <class Step>
reference::Row each_token(const OpCase& c, const Step& step) {
  reference::Row out;
  for (int pos = 0; pos < c.shape().n_tokens; ++pos) {
    const reference::Row token = step(pos);
    out.insert(out.end(), token.begin(), token.end());
  }
  return out;
}

template <class Case, class... Args>
void add(OpCases& cases, Args&&... args) {
  cases.push_back(std::make_unique<Case>(std::forward<Args>(args)...));
}

}  // namespace eddy::test

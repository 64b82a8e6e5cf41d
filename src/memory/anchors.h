// Anchors: earlier states of a sequence from which its update log leads on.
//
// An anchor is a cell whose rows of R and S are the state after so many tokens. It is kept for as
// long as nobody needs its cell: whoever names it remembers the cell's generation, and sees by it
// that the anchor has gone. The state before the first token needs no cell.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "eddy/types.h"

namespace eddy {

struct Anchor {
  CellId cell;                   // CellId(): the state before the first token
  std::uint32_t generation = 0;  // Cell::anchor_generation
  Pos n_tokens = 0;              // that led to the state
};

// By rising tokens, no two with the same.
class AnchorList {
 public:
  static constexpr std::size_t kMost = 4;

  std::span<const Anchor> all() const { return {anchors_.data(), n_}; }
  bool empty() const { return n_ == 0; }
  const Anchor& oldest() const { return anchors_[0]; }
  const Anchor& newest() const { return anchors_[n_ - 1]; }

  // Adds one that is newer than all. If there are too many then, the one between whose neighbours
  // there are the fewest tokens goes.
  void add(const Anchor& anchor) {
    assert(empty() || newest().n_tokens < anchor.n_tokens);
    if (n_ == kMost) {
      std::size_t least = 1;
      for (std::size_t i = 2; i < kMost; ++i) {
        if (gap(i, anchor) < gap(least, anchor)) least = i;
      }
      erase(least);
    }
    anchors_[n_++] = anchor;
  }

  // Drops what is not needed to rewind to n_tokens: all that are older than the newest that is no
  // newer.
  void forget_before(Pos n_tokens) {
    while (n_ > 1 && anchors_[1].n_tokens <= n_tokens) erase(0);
  }

 private:
  Pos gap(std::size_t i, const Anchor& next) const {
    return (i + 1 < n_ ? anchors_[i + 1] : next).n_tokens - anchors_[i - 1].n_tokens;
  }
  void erase(std::size_t i) {
    for (; i + 1 < n_; ++i) anchors_[i] = anchors_[i + 1];
    --n_;
  }

  std::array<Anchor, kMost> anchors_;
  std::size_t n_ = 0;
};

}  // namespace eddy

// Pages of K and V for the sequences of an op case: a plain stand-in for the memory.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "cpu/support/op_case.h"

namespace eddy::test {

class PagesOfCase {
 public:
  explicit PagesOfCase(const OpCaseShape& shape);

  const KvPages& view() const { return pages_; }

  // The sequence's pages for its next tokens, the first of which is its token number `n_fed`. Pages
  // that the window does not show any more are taken away; where the state moves, so does a page
  // that is partly filled. The lane is valid until the sequence is placed again.
  KvLane place(const Feed& feed, int n_fed);

  // K and V, row by row, that the window shows after n_fed tokens to the next.
  std::vector<std::byte> bytes(int seq, int n_fed) const;

 private:
  struct Sequence {
    std::int32_t first_page = 0;
    std::vector<std::int32_t> pages;
  };
  std::int32_t take(int fill);
  void give_back(std::int32_t page);
  std::int32_t first_shown(std::int64_t pos) const;
  void fill(std::int32_t page, int byte);
  std::uint64_t at(std::int32_t page) const;

  OpCaseKv shape_;
  KvPages pages_;
  std::unique_ptr<Buffer> buffer_;
  std::vector<std::int32_t> free_;
  std::vector<Sequence> sequences_;
};

}  // namespace eddy::test

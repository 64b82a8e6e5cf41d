// The candidates for the next merge, the best first.
//
// Most are known from the start and are sorted once; a heap takes those that merges make. On a long
// run of one character that saves a third of the time of one heap for all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace eddy {

// IsWorse()(a, b): b comes before a.
template <class T, class IsWorse>
class MergeQueue {
 public:
  void clear() {
    first_.clear();
    n_taken_ = 0;
    later_.clear();
  }

  // All calls of add() come before sort(), all of push() and pop() after it.
  void add(const T& candidate) { first_.push_back(candidate); }
  void sort() {
    std::ranges::sort(first_, [](const T& a, const T& b) { return IsWorse()(b, a); });
  }

  void push(const T& candidate) {
    later_.push_back(candidate);
    std::ranges::push_heap(later_, IsWorse());
  }

  bool empty() const { return n_taken_ == first_.size() && later_.empty(); }

  // The best one; there must be one.
  T pop() {
    const bool has_first = n_taken_ < first_.size();
    if (has_first && (later_.empty() || IsWorse()(later_.front(), first_[n_taken_]))) {
      return first_[n_taken_++];
    }
    std::ranges::pop_heap(later_, IsWorse());
    const T best = later_.back();
    later_.pop_back();
    return best;
  }

 private:
  std::vector<T> first_;
  std::size_t n_taken_ = 0;  // of first_
  std::vector<T> later_;     // a heap
};

}  // namespace eddy

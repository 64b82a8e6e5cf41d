#include "text/text_table.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace eddy {

std::int32_t TextTable::push_back(std::string_view text) {
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  ends_.push_back(bytes_.size());
  return size() - 1;
}

std::string_view TextTable::operator[](std::int32_t number) const {
  const auto i = static_cast<std::size_t>(number);
  const std::size_t start = i == 0 ? 0 : ends_[i - 1];
  return {bytes_.data() + start, ends_[i] - start};
}

// Where the text is, or would be put.
std::size_t TextTable::slot_of(std::string_view text) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>()(text) & mask;
  while (slots_[slot] >= 0 && (*this)[slots_[slot]] != text) slot = (slot + 1) & mask;
  return slot;
}

void TextTable::index(std::int32_t number) {
  if (2 * (n_indexed_ + 1) > slots_.size()) grow();
  const std::string_view text = (*this)[number];
  std::int32_t& slot = slots_[slot_of(text)];
  if (slot >= 0) return;
  slot = number;
  ++n_indexed_;
  longest_ = std::max(longest_, text.size());
}

void TextTable::grow() {
  constexpr std::size_t kFewest = 1024;
  const auto old =
      std::exchange(slots_, std::vector<std::int32_t>(std::max(kFewest, 2 * slots_.size()), -1));
  for (const std::int32_t number : old) {
    if (number >= 0) slots_[slot_of((*this)[number])] = number;
  }
}

std::int32_t TextTable::find(std::string_view text) const {
  if (text.size() > longest_ || slots_.empty()) return -1;
  return slots_[slot_of(text)];
}

}  // namespace eddy

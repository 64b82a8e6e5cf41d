// Table<Id, T>: a vector indexed by one kind of id only.
#pragma once

#include <cstddef>
#include <vector>

#include "eddy/types.h"

namespace eddy {

template <class I, class T>
class Table {
 public:
  Table() = default;
  explicit Table(std::size_t n, const T& value = T()) : rows_(n, value) {}

  T& operator[](I id) { return rows_[static_cast<std::size_t>(id.value)]; }
  const T& operator[](I id) const { return rows_[static_cast<std::size_t>(id.value)]; }
  bool contains(I id) const {
    return id.value >= 0 && static_cast<std::size_t>(id.value) < rows_.size();
  }
  std::size_t size() const { return rows_.size(); }
  I id_at(std::size_t index) const { return I(static_cast<std::int32_t>(index)); }

  auto begin() { return rows_.begin(); }
  auto end() { return rows_.end(); }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }

 private:
  std::vector<T> rows_;
};

}  // namespace eddy

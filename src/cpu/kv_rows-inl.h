// Rows of K and V in pages: where they lie, and their elements as floats, whatever their type.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_KV_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_KV_ROWS_INL_H_
#undef EDDY_CPU_KV_ROWS_INL_H_
#else
#define EDDY_CPU_KV_ROWS_INL_H_
#endif

#include "base/half.h"
#include "cpu/elements-inl.h"
#include "cpu/q8_0.h"
#include "tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// The rows of K and of V of the lane's page number `page`: positions page * kKvPage and on.
struct PageRows {
  std::byte* k;
  std::byte* v;
};
HWY_INLINE PageRows page_rows(const KvPages& pages, const KvLane& lane, std::int64_t page) {
  const std::int32_t id = lane.pages[static_cast<std::size_t>(page - lane.first_page)];
  std::byte* k =
      pages.buffer->host() + pages.offset + static_cast<std::uint64_t>(id) * pages.stride;
  return {k, k + kKvPage * pages.k_bytes};
}

// Elements first .. first + count - 1 of a row, as floats. For Q8_0 both are multiples of 32.
template <class Type>
struct KvRow {
  static HWY_INLINE void load(const std::byte* row, std::int64_t first, std::int64_t count,
                              float* out) {
    const auto* elements = reinterpret_cast<const typename Type::Element*>(row) + first;
    for (std::int64_t i = 0; i < count; i += kLanes) {
      const std::int64_t n = count - i < kLanes ? count - i : kLanes;
      store(load_first_of<Type>(elements + i, n), out + i);
    }
  }
  static HWY_INLINE void save(const float* x, std::int64_t count, std::byte* row) {
    auto* elements = reinterpret_cast<typename Type::Element*>(row);
    for (std::int64_t i = 0; i < count; i += kLanes) {
      const std::int64_t n = count - i < kLanes ? count - i : kLanes;
      store_first_of<Type>(load_first(x + i, n), elements + i, n);
    }
  }
};

// Q8_0 as a type of rows; the class Q8_0 is the weights' (blocks_of_32-inl.h).
struct KvQ8_0 {};
template <>
struct KvRow<KvQ8_0> {
  static HWY_INLINE void load(const std::byte* row, std::int64_t first, std::int64_t count,
                              float* out) {
    for (std::int64_t i = 0; i < count; i += kQ8BlockElems) {
      Q8Block block;
      std::memcpy(&block, row + (first + i) / kQ8BlockElems * std::int64_t{sizeof block},
                  sizeof block);
      const float d = f16_to_f32(block.d);
      for (int j = 0; j < kQ8BlockElems; ++j) out[i + j] = d * static_cast<float>(block.q[j]);
    }
  }
  static HWY_INLINE void save(const float* x, std::int64_t count, std::byte* row) {
    for (std::int64_t i = 0; i < count; i += kQ8BlockElems) {
      const Q8Block block = quantised(x + i);
      std::memcpy(row + i / kQ8BlockElems * std::int64_t{sizeof block}, &block, sizeof block);
    }
  }

 private:
  // A scale that is infinite or NaN makes every element so: what went wrong stays visible.
  static HWY_INLINE Q8Block quantised(const float* x) {
    float largest = 0;
    for (int j = 0; j < kQ8BlockElems; ++j) {
      const float size = x[j] < 0 ? -x[j] : x[j];
      if (size > largest || size != size) largest = size;  // a NaN gets in and stays
    }
    Q8Block block = {.d = f32_to_f16(largest / 127.0f), .q = {}};
    const float d = f16_to_f32(block.d);
    if (!(d > 0) || d > 65504.0f) {
      if (d != 0) block.d = 0x7e00;
      return block;
    }
    for (int j = 0; j < kQ8BlockElems; ++j) {
      const float q = x[j] / d + 0x1.8p23f - 0x1.8p23f;  // to the nearest integer, ties to even
      block.q[j] = static_cast<std::int8_t>(q > 127 ? 127 : q < -127 ? -127 : q);
    }
    return block;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target

// Views of numbers: activations, weights and rows of state. All are borrowed, small, passed by
// value. Extents are written {first, second}; the first is contiguous.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/dtype.h"
#include "tensor/buffer.h"

namespace eddy {

// Activations {n, n_tokens}, F32: token t starts `stride` elements after token t - 1.
template <class T>
struct BasicMat {
  T* data = nullptr;
  std::int64_t n = 0;
  std::int64_t n_tokens = 0;
  std::int64_t stride = 0;

  T* token(std::int64_t t) const { return data + t * stride; }

  // Elements first .. first + count - 1 of every token: {count, n_tokens}, the same memory.
  BasicMat part(std::int64_t first, std::int64_t count) const {
    assert(first >= 0 && count >= 0 && first + count <= n);
    return {data + first, count, n_tokens, stride};
  }
  operator BasicMat<const T>() const { return {data, n, n_tokens, stride}; }
};
using Mat = BasicMat<float>;
using ConstMat = BasicMat<const float>;

// A weight as it lies in the file: rows of whole blocks. ne = {n_in, n_out, 1, 1} for a matrix.
struct Weight {
  const std::byte* data = nullptr;
  DType type = DType::kF32;
  std::array<std::int64_t, 4> ne = {0, 1, 1, 1};
  std::string_view name;

  std::int64_t n_in() const { return ne[0]; }
  std::int64_t n_out() const { return ne[1]; }
};

// Positions of a page: what is kept for positions p with the same p / kKvPage lies together.
inline constexpr std::int32_t kKvPage = 32;

// A lane's pages, of keys and values or of a log. The lane's tokens stand at positions pos, pos +
// 1,
// ...; the memory has given a page to each of them, but those before first_page, and kept those of
// the earlier positions that may still be asked for. No two lanes write to the same page, unless
// one goes on from the other.
struct KvLane {
  std::int32_t pos = 0;                 // of the lane's first token
  std::int32_t first_page = 0;          // positions before first_page * kKvPage are gone
  std::span<const std::int32_t> pages;  // page of position p: pages[p / kKvPage - first_page]
};

// The update inputs of one state tensor, in pages of kKvPage positions: for each position a row of
// n_elems floats, what the recurrence was told there (tensor/update_inputs.h).
struct LogRows {
  Buffer* buffer = nullptr;
  std::uint64_t offset = 0;   // bytes from the start of the buffer to the first row of page 0
  std::uint64_t stride = 0;   // bytes from page to page, a multiple of 64
  std::uint64_t n_elems = 0;  // floats of a row

  // The address of a row, or nullptr where the pages are not host memory.
  float* host_row(std::int32_t page, std::int64_t row) const {
    std::byte* base = buffer->host();
    if (!base) return nullptr;
    base += offset + static_cast<std::uint64_t>(page) * stride;
    return reinterpret_cast<float*>(base) + static_cast<std::uint64_t>(row) * n_elems;
  }
};

// How elements of R that are kept in sixteen bits are rounded at each token. By chance: to one of
// the two neighbours, to either as often as makes the number right on average.
enum class Rounding : std::uint8_t { kNearest, kByChance };

// The R or the S tensor of one layer: n_rows rows, one for each memory cell, at a fixed stride.
// Element types are F32, F16 or BF16.
struct StateRows {
  Buffer* buffer = nullptr;
  std::uint64_t offset = 0;   // bytes from the start of the buffer to row 0
  std::uint64_t stride = 0;   // bytes from row to row, a multiple of 64
  std::uint64_t n_elems = 0;  // elements of a row
  std::uint32_t n_rows = 0;
  DType type = DType::kF32;
  std::uint32_t chance = 0;                // of rounding, its seed; 0: to the nearest, ties to even
  LogRows log = {};                        // where the op leaves its update inputs
  std::span<const KvLane> log_lanes = {};  // in the order of the lanes; none: nowhere

  // The address of a row, or nullptr where the rows are not host memory.
  std::byte* host_row(std::int32_t row) const {
    assert(row >= 0 && static_cast<std::uint32_t>(row) < n_rows);
    std::byte* base = buffer->host();
    return base ? base + offset + static_cast<std::uint64_t>(row) * stride : nullptr;
  }
};

// The keys and values of one attention layer, in pages of kKvPage positions: a page is kKvPage rows
// of K, then as many rows of V. Element types are F32, F16, BF16 or Q8_0.
struct KvPages {
  Buffer* buffer = nullptr;
  std::uint64_t offset = 0;   // bytes from the start of the buffer to page 0
  std::uint64_t stride = 0;   // bytes from page to page, a multiple of 64
  std::uint64_t k_bytes = 0;  // of a row of K
  std::uint64_t v_bytes = 0;  // of a row of V
  std::uint32_t n_pages = 0;
  DType type = DType::kF32;
};

// What an attention op sees of a layer: the pages, and by lane who has which.
struct KvView {
  KvPages pages;
  std::span<const KvLane> lanes;  // in the order of the micro-batch's lanes
};

// The row that is read as zeros: a new sequence starts there.
inline constexpr std::int32_t kZeroRow = -1;

// One sequence's part of a micro-batch, as a kernel sees it: its tokens and its rows of state.
// The kernel reads row src (or zeros) and writes row dst; src == dst is an update in place. A lane
// may go on from the lane right before it: then its src is that one's dst, and its tokens follow.
// Otherwise no two lanes of a micro-batch share a dst, and no lane's dst is another's src.
struct Lane {
  std::int32_t first_token = 0;  // index into the micro-batch
  std::int32_t n_tokens = 0;     // at least 1
  std::int32_t src = kZeroRow;
  std::int32_t dst = 0;
  std::uint32_t pos = 0;  // of the first token in its sequence, modulo 2^32
};

// Whether lane i goes on from the one before it.
inline bool goes_on(std::span<const Lane> lanes, std::size_t i) {
  return i > 0 && lanes[i].src == lanes[i - 1].dst;
}

}  // namespace eddy

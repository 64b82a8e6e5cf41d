// StateTensors: the rows of R and S of all layers, one buffer for each buffer type.
//
// Knows rows as bytes, by cell; not who holds a cell, nor what an element means. Rows are touched
// through their buffer alone: they may lie in memory that the host cannot address.
//
// Threading: the thread that owns the memory; kernels of different lanes touch different rows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/table.h"
#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/state_layout.h"
#include "tensor/tensor.h"

namespace eddy {

// The field's letters (see memory/state_layout.h). Tensors of R and S are StateTensors', those of K
// and V KvMemory's.
enum class StateKind : std::uint8_t { kR, kS, kK, kV };

constexpr char state_letter(StateKind kind) { return "RSKV"[static_cast<int>(kind)]; }

// One tensor: which rows of which layer.
struct StateTensor {
  LayerId layer;
  StateKind kind = StateKind::kR;
  StateRows rows;
  std::uint64_t row_bytes = 0;  // of elements; the stride may be more
};

// Whether elements of this type are rounded by chance: those of F32 are not rounded at all.
constexpr bool is_by_chance(Rounding rounding, DType type) {
  return rounding == Rounding::kByChance && type != DType::kF32;
}

struct StateTensorsParams {
  const StateLayout& layout;
  std::span<const Device* const> layer_devices;
  DType type_r;
  DType type_s;
  Rounding rounding_r = Rounding::kNearest;  // without effect on F32
  bool offload;
  std::uint32_t mem_size;
  const std::function<bool(LayerId)>& filter;
};

class StateTensors {
 public:
  // Zeroed tensors. Errors as RecurrentMemory::create().
  static Result<StateTensors> create(const StateTensorsParams& params);

  // The rows of a layer; an empty StateRows where it keeps none.
  StateRows r(LayerId layer) const { return rows_of(r_, layer); }
  StateRows s(LayerId layer) const { return rows_of(s_, layer); }

  // All tensors in the order of layers, R before S.
  std::span<const StateTensor> all() const { return tensors_; }

  // Writes zeros over a cell's rows.
  void wipe(CellId cell) noexcept;

  // Whether a cell's row of one tensor is zeros.
  bool is_wiped(const StateTensor& tensor, CellId cell) const;

  // Writes a cell's rows over another's.
  void copy(CellId src, CellId dst) noexcept;

  // Elements of a cell's row of one tensor, as bytes; read() begins with byte `first`.
  void read(const StateTensor& tensor, CellId cell, std::span<std::byte> out,
            std::uint64_t first = 0) const noexcept;
  void write(const StateTensor& tensor, CellId cell, std::span<const std::byte> row) noexcept;

  std::span<const std::unique_ptr<Buffer>> buffers() const { return buffers_; }

 private:
  static std::uint64_t offset_of(const StateTensor& tensor, CellId cell);
  static StateRows rows_of(const Table<LayerId, StateRows>& table, LayerId layer) {
    return table.contains(layer) ? table[layer] : StateRows();
  }

  std::vector<std::unique_ptr<Buffer>> buffers_;  // one for each buffer type
  std::vector<StateTensor> tensors_;
  Table<LayerId, StateRows> r_;
  Table<LayerId, StateRows> s_;
  std::vector<std::byte> row_;  // room for the longest row
};

}  // namespace eddy

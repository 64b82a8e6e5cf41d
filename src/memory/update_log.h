// UpdateLog: the update inputs of the newest tokens, in pages, by cell. From an earlier state (an
// anchor) and what the log holds since, a recurrent op makes the state at any position between, by
// the arithmetic of its step; many times smaller than the states themselves.
//
// A cell's log covers the positions first(cell) .. end(cell) - 1, in pages of kKvPage positions; a
// page number is a page in each recurrent layer. Cells that come from one another share full pages;
// one that is partly filled is copied before it is written, if others have it too. Nothing depends
// on the log but how far back a sequence can be rewound: where pages run out, it is emptied and
// begins anew.
//
// Threading: the thread that owns the memory; kernels of different lanes write different pages.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/table.h"
#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/kv_lists.h"
#include "memory/state_layout.h"
#include "tensor/tensor.h"

namespace eddy {

struct UpdateLogParams {
  const StateLayout& layout;
  std::span<const Device* const> layer_devices;  // one for each layer
  bool offload;
  std::uint32_t mem_size;
  std::uint32_t n_seq_max;
  std::uint32_t n_rewind;  // tokens that every sequence can be rewound by, if there is room; 0: off
  std::uint64_t n_bytes_max;  // of all pages
  const std::function<bool(LayerId)>& filter;
};

class UpdateLog {
 public:
  // Off where no layer logs anything. kInvalidArgument: n_rewind is no multiple of kKvPage, sizes
  // overflow. kOutOfMemory; may throw std::bad_alloc.
  static Result<UpdateLog> create(const UpdateLogParams& params);

  bool is_on() const { return n_rewind_ > 0; }
  Pos n_rewind() const { return n_rewind_; }
  std::uint64_t n_token_bytes() const { return n_token_bytes_; }  // in all layers

  // Whether there are pages for that many tokens more of a cell.
  bool has_room(std::int32_t n_tokens) const;

  Pos first(CellId cell) const { return logs_[cell].first; }
  Pos end(CellId cell) const { return logs_[cell].end; }

  // Room for n_tokens more after the n_before that the cell's state has seen, where a log that is
  // not empty ends; of the positions before `from` no more is kept. Without room the log is
  // emptied, and begins anew with the next call.
  void extend(CellId cell, Pos n_before, std::int32_t n_tokens, Pos from) noexcept;

  void share(CellId src, CellId dst, Pos n_tokens) noexcept;  // dst, which is empty, up to n_tokens
  void move(CellId src, CellId dst) noexcept;                 // dst is empty, and src then
  void truncate(CellId cell, Pos n_tokens) noexcept;
  void release(CellId cell) noexcept;

  // A lane of the cell whose first token stands at pos.
  KvLane lane(CellId cell, Pos pos) const;

  LogRows r(LayerId layer) const { return rows_of(r_, layer); }
  LogRows s(LayerId layer) const { return rows_of(s_, layer); }

  std::uint32_t n_pages_used() const { return lists_.n_pages() - lists_.n_free(); }

  std::span<const std::unique_ptr<Buffer>> buffers() const { return buffers_; }

  Status check() const;             // O(pages, and cells times their pages)
  Status check_free_pages() const;  // reads every free page

 private:
  struct Log {
    Pos first = 0;
    Pos end = 0;
  };

  static LogRows rows_of(const Table<LayerId, LogRows>& table, LayerId layer) {
    return table.contains(layer) ? table[layer] : LogRows();
  }
  Status add_layers(const UpdateLogParams& params, std::uint32_t n_pages);
  void drop_before(CellId cell, Pos from) noexcept;
  void own_last(CellId cell) noexcept;
  void wipe(std::int32_t page) noexcept;

  Pos n_rewind_ = 0;
  std::uint64_t n_token_bytes_ = 0;
  std::vector<std::unique_ptr<Buffer>> buffers_;  // one for each buffer type
  std::vector<LogRows> layers_;  // R's of those that log something: a page begins with them
  Table<LayerId, LogRows> r_;
  Table<LayerId, LogRows> s_;
  KvLists lists_;
  Table<CellId, Log> logs_;
  std::vector<std::byte> rows_;  // room for the rows of a page
};

}  // namespace eddy

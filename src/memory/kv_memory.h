// KvMemory: the keys and values that attention layers keep, in pages, by cell.
//
// A cell is one sequence's whole state: beside its rows of R and S (StateTensors) it has, for each
// group of attention layers, a list of pages. Layers of one window are a group: a page number of
// the group is a page in each of its layers. Cells that come from one another share full pages; a
// page that is partly filled is copied before it is written, if others have it too. Who holds which
// cell is not known here: the ledger's transactions are these lists' too.
//
// Invariants, RecurrentMemory's I7 and the last its I6; check() and check_free_pages() verify them:
//   - A page is free, or counts the cells that name it; free + used = all.
//   - A cell of n tokens has the pages of the positions first_visible(n) .. n - 1, and no other.
//     While its micro-batch is applied it may have earlier ones too; after a rewinding fewer, down
//     to those that the layers' own windows show.
//   - Pages are written up to their cells' tokens; nobody reads further.
//   - A free page is zeros: it is wiped when the last cell gives it up.
//
// Nothing fails after create(): callers plan (KvNeeds) before they change. With no attention layer
// there is no group, and every call does nothing.
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
#include "memory/state_tensors.h"
#include "tensor/tensor.h"

namespace eddy {

struct KvMemoryParams {
  const StateLayout& layout;
  std::span<const Device* const> layer_devices;  // one for each layer
  DType type_kv;
  bool offload;
  std::uint32_t mem_size;
  std::uint32_t n_ubatch_max;
  std::uint32_t kv_size;  // positions in all
  const std::function<bool(LayerId)>& filter;
  std::uint32_t n_rewind = 0;  // windows show so many positions more: a cell can be cut by them
};

// The rows of K or of V of one layer: where they lie in its pages.
struct KvTensor {
  LayerId layer;
  StateKind kind = StateKind::kK;
  KvPages pages;
  std::size_t group = 0;
  std::int32_t window = 0;
  std::uint64_t n_elems = 0;     // of a row
  std::uint64_t row_bytes = 0;   // of a position
  std::uint64_t row_offset = 0;  // bytes from the start of a page to its first row
};

class KvMemory {
 public:
  // Errors as RecurrentMemory::create(); may throw std::bad_alloc.
  static Result<KvMemory> create(const KvMemoryParams& params);

  bool has_groups() const { return !groups_.empty(); }
  std::size_t n_groups() const { return groups_.size(); }
  std::int32_t window(std::size_t group) const { return groups_[group].window; }
  const KvLists& lists(std::size_t group) const { return groups_[group].lists; }

  // Whether the group has a page for everything that its cells could ever hold: it is never full.
  bool is_ample(std::size_t group) const { return groups_[group].is_ample; }

  // Tokens whose positions have a page in the cell; of a free cell 0.
  Pos n_tokens(CellId cell) const { return n_tokens_.contains(cell) ? n_tokens_[cell] : 0; }

  // --- A micro-batch: placed, then settled or released ----------------------------------------

  // Gives dst pages for n_tokens more than src has: src == dst in place; otherwise dst, which has
  // none, shares those of src (CellId(): nothing). A partly filled page that others have too is
  // copied. O(pages of src), in place O(new pages).
  void extend(CellId src, CellId dst, std::int32_t n_tokens) noexcept;

  // Gives back the pages that no window shows any more. O(1) if there is none.
  void settle(CellId cell) noexcept;

  // Gives back all pages of a cell. O(its pages), and each that nobody else has is wiped.
  void release(CellId cell) noexcept;

  // --- Other ways to a list -------------------------------------------------------------------

  // The fewest tokens that a cell can be cut to: all that it has, once a window has passed the
  // first position. That a page still holds what the window has passed does not count.
  Pos n_tokens_min(CellId cell) const;
  // Keeps the first n_tokens, at least n_tokens_min(). O(pages given back).
  void truncate(CellId cell, Pos n_tokens) noexcept;
  // Gives dst, which has none, what src had after n_tokens. O(pages).
  void share(CellId src, CellId dst, Pos n_tokens) noexcept;

  // Gives dst, which has none, all pages of src, to be extended as if they were src's; and back,
  // cut to n_tokens. So that nothing is copied, src has none meanwhile, unless its last page is one
  // that others have too. O(pages).
  void lend(CellId src, CellId dst) noexcept;
  void give_back(CellId dst, CellId src, Pos n_tokens) noexcept;

  // Gives a cell that has none the pages of a state of n_tokens, to be written by write().
  void install(CellId cell, Pos n_tokens) noexcept;

  // --- What is in the pages -------------------------------------------------------------------

  // A lane's pages in the layers of a group, when its cell has been extended by n_tokens.
  KvLane lane(std::size_t group, CellId cell, std::int32_t n_tokens) const;
  // A lane of the worst case for planning: as many pages as a lane can have.
  KvLane worst_lane(std::size_t group, std::int32_t n_tokens) const;

  // The pages of a layer and its group; an empty KvPages where it keeps none.
  KvPages pages(LayerId layer) const;
  std::size_t group_of(LayerId layer) const;  // precondition: pages(layer) is not empty

  // All tensors in the order of layers, K before V.
  std::span<const KvTensor> all() const { return tensors_; }

  // The rows of a cell's positions first, first + 1, ..., as many as `out` or `rows` has.
  void read(const KvTensor& tensor, CellId cell, Pos first,
            std::span<std::byte> out) const noexcept;
  void write(const KvTensor& tensor, CellId cell, Pos first,
             std::span<const std::byte> rows) noexcept;

  std::span<const std::unique_ptr<Buffer>> buffers() const { return buffers_; }

  Status check() const;             // O(pages, and cells times their pages)
  Status check_free_pages() const;  // reads every free page

 private:
  struct Group {
    std::int32_t window = 0;
    bool is_ample = false;
    KvLists lists;
    std::vector<KvPages> layers;
  };
  struct Layer {
    KvPages pages;
    std::size_t group = 0;
  };

  void add_layer(LayerId layer, const StateLayout::Layer& layout, const Layer& placed);
  void own_last(Group& group, CellId cell, Pos n_tokens) noexcept;
  static void wipe(const Group& group, std::int32_t page) noexcept;
  template <class F>  // F(row offset in the buffer, first byte of the span, bytes)
  void walk(const KvTensor& tensor, CellId cell, Pos first, std::size_t n_bytes, const F& f) const;

  std::vector<std::unique_ptr<Buffer>> buffers_;  // one for each buffer type
  std::vector<Group> groups_;                     // in the order of their first layers
  std::vector<KvTensor> tensors_;
  Table<LayerId, Layer> layers_;
  Table<CellId, Pos> n_tokens_;
  std::vector<std::int32_t> page_numbers_;  // 0, 1, ...: the pages of worst_lane()
  std::vector<std::byte> rows_;             // room for the rows of a page
  std::int32_t n_rewind_ = 0;               // positions that windows show beyond the layers'
};

// Pages that n_tokens positions begin: the index after the last one's.
constexpr std::int64_t n_pages_of(Pos n_tokens) { return (n_tokens + kKvPage - 1) / kKvPage; }

// The index of the first page that a state of n_tokens keeps.
constexpr std::int64_t first_page_of(Pos n_tokens, std::int32_t window) {
  return first_visible(n_tokens, window) / kKvPage;
}

// Most pages of a list whose window is extended by n_tokens at once: they touch
// window + n_tokens - 1 neighbouring positions.
constexpr std::uint64_t n_window_pages(std::int32_t window, std::uint64_t n_tokens) {
  const std::uint64_t n_steps = static_cast<std::uint64_t>(window) + n_tokens - 2;
  return (n_steps + kKvPage - 1) / kKvPage + 1;
}

}  // namespace eddy

// Pages of keys and values, written row by row as a kernel would.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "memory/kv_memory.h"
#include "support/memory_fixture.h"

namespace eddy::test {

inline constexpr int kWindow = 40;

class KvFixture : public ::testing::Test {
 protected:
  Result<KvMemory> create() const {
    return KvMemory::create({.layout = layout,
                             .layer_devices = devices,
                             .type_kv = type_kv,
                             .offload = offload,
                             .mem_size = mem_size,
                             .n_ubatch_max = 16,
                             .kv_size = kv_size,
                             .filter = filter});
  }
  void make() {
    auto made = create();
    ASSERT_TRUE(made.ok()) << made.error().message;
    kv.emplace(std::move(*made));
  }
  void TearDown() override {
    if (!kv) return;
    EXPECT_OK(kv->check());
    EXPECT_OK(kv->check_free_pages());
  }

  // What position p of a tensor holds for the one who wrote `tag`.
  static std::vector<std::byte> row(const KvTensor& t, int tag, Pos p) {
    std::vector<std::byte> out(t.row_bytes);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::byte>(1 + tag * 101 + p * 7 + t.layer.value * 3 +
                                      static_cast<int>(t.kind) + static_cast<int>(i) * 13);
    }
    return out;
  }

  // A micro-batch of n tokens as the memory sees it.
  void grow(CellId src, CellId dst, int n, int tag) {
    const Pos before = src == CellId() ? 0 : kv->n_tokens(src);
    kv->extend(src, dst, n);
    for (const KvTensor& t : kv->all()) {
      for (Pos p = before; p < before + n; ++p) kv->write(t, dst, p, row(t, tag, p));
    }
    kv->settle(dst);
  }

  void expect_rows(CellId cell, Pos first, Pos end, int tag) const {
    for (const KvTensor& t : kv->all()) {
      for (Pos p = std::max(first, first_visible(kv->n_tokens(cell), t.window)); p < end; ++p) {
        std::vector<std::byte> found(t.row_bytes);
        kv->read(t, cell, p, found);
        ASSERT_EQ(found, row(t, tag, p))
            << "cell " << cell.value << " layer " << t.layer.value << " position " << p;
      }
    }
  }

  std::uint32_t n_used(std::size_t group) const {
    return kv->lists(group).n_pages() - kv->lists(group).n_free();
  }

  TestDevice far{"far", false, 256};
  TestDevice near{"near", true};
  // Two groups: layers 0 and 3 see all, layer 2 sees a window.
  StateLayout layout{.layers = {{.k_elems = 6, .v_elems = 10},
                                {.r_elems = 4},
                                {.k_elems = 3, .v_elems = 3, .window = kWindow},
                                {.k_elems = 1, .v_elems = 2}}};
  std::vector<const Device*> devices{&far, &near, &near, &near};
  DType type_kv = DType::kF32;
  bool offload = true;
  std::uint32_t mem_size = 4;
  std::uint32_t kv_size = 12 * kP;
  std::function<bool(LayerId)> filter;
  std::optional<KvMemory> kv;
  const CellId a{0}, b{1}, c{2}, none{};
};

}  // namespace eddy::test

// Pages of keys and values by cell: shared, copied before they are written, given back and wiped.
#include "memory/kv_memory.h"

#include <limits>

#include "support/kv_fixture.h"

namespace eddy::test {
namespace {

class KvMemoryTest : public KvFixture {};

TEST_F(KvMemoryTest, LayersOfOneWindowAreAGroup) {
  make();
  ASSERT_EQ(kv->n_groups(), 2u);
  EXPECT_EQ(kv->window(0), 0);
  EXPECT_EQ(kv->window(1), kWindow);
  EXPECT_EQ(kv->group_of(LayerId(0)), kv->group_of(LayerId(3)));
  EXPECT_EQ(kv->group_of(LayerId(2)), 1u);
  EXPECT_EQ(kv->all().size(), 6u);
  EXPECT_EQ(kv->pages(LayerId(1)).buffer, nullptr);
  EXPECT_EQ(kv->pages(LayerId(9)).buffer, nullptr);
  EXPECT_EQ(kv->buffers().size(), 2u);
}

TEST_F(KvMemoryTest, PagesHaveTheirExtents) {
  make();
  const KvPages pages = kv->pages(LayerId(0));
  EXPECT_EQ(&pages.buffer->type(), &far.type);
  EXPECT_EQ(pages.k_bytes, 24u);
  EXPECT_EQ(pages.v_bytes, 40u);
  EXPECT_EQ(pages.stride, 64u * kP);
  EXPECT_EQ(pages.n_pages, 12u);
  EXPECT_EQ(pages.offset % far.type.alignment(), 0u);
  EXPECT_EQ(kv->pages(LayerId(2)).stride % 64, 0u);
  EXPECT_EQ(kv->pages(LayerId(3)).buffer->n_bytes(),
            kv->pages(LayerId(3)).offset + 12 * kv->pages(LayerId(3)).stride);
}

TEST_F(KvMemoryTest, AWindowNeedsNoMorePagesThanItsCellsCanShow) {
  make();
  // 40 + 16 - 1 = 55 neighbouring positions touch at most three pages.
  EXPECT_EQ(kv->lists(1).n_list_max(), 3u);
  EXPECT_EQ(kv->lists(1).n_pages(), 12u);
  EXPECT_TRUE(kv->is_ample(1));
  EXPECT_FALSE(kv->is_ample(0));
  kv_size = 1000 * kP;
  make();
  EXPECT_EQ(kv->lists(0).n_pages(), 1000u);
  EXPECT_EQ(kv->lists(1).n_pages(), 12u);
  kv_size = 11 * kP - 5;
  make();
  EXPECT_EQ(kv->lists(0).n_pages(), 11u);
  EXPECT_FALSE(kv->is_ample(1));
}

TEST_F(KvMemoryTest, RefusesWhatCannotBe) {
  kv_size = 0;
  EXPECT_CODE(create(), kInvalidArgument);
  kv_size = 0x80000000u;
  EXPECT_CODE(create(), kInvalidArgument);
  kv_size = kP;
  type_kv = DType::kQ4_0;
  EXPECT_CODE(create(), kInvalidArgument);
  type_kv = DType::kQ8_0;  // 6 elements are no whole block
  EXPECT_CODE(create(), kInvalidArgument);
  type_kv = DType::kBF16;
  layout.layers[3].v_elems = 0;
  EXPECT_CODE(create(), kInvalidArgument);
  layout.layers[3].v_elems = 1;
  layout.layers[3].window = -1;
  EXPECT_CODE(create(), kInvalidArgument);
  layout.layers[3].window = 0;
  layout.layers[3].k_elems = std::numeric_limits<std::uint64_t>::max() / 64;
  EXPECT_CODE(create(), kInvalidArgument);
  layout.layers[3].k_elems = 1;
  far.type.refuses = true;
  EXPECT_CODE(create(), kOutOfMemory);
}

TEST_F(KvMemoryTest, Q8_0IsMeasuredInBlocks) {
  type_kv = DType::kQ8_0;
  layout.layers = {{.k_elems = 64, .v_elems = 32}};
  devices = {&near};
  make();
  EXPECT_EQ(kv->pages(LayerId(0)).k_bytes, 68u);
  EXPECT_EQ(kv->pages(LayerId(0)).v_bytes, 34u);
}

TEST_F(KvMemoryTest, FilterAndOffloadChooseLayersAndPlaces) {
  filter = [](LayerId il) { return il == LayerId(0); };
  offload = false;
  make();
  EXPECT_EQ(kv->n_groups(), 1u);
  EXPECT_EQ(&kv->pages(LayerId(0)).buffer->type(), &host_buffer_type());
  EXPECT_EQ(kv->pages(LayerId(3)).buffer, nullptr);
}

TEST_F(KvMemoryTest, WithoutAttentionThereIsNothing) {
  layout.layers = {{.r_elems = 4}};
  devices = {&near};
  kv_size = 0;
  make();
  EXPECT_EQ(kv->n_groups(), 0u);
  EXPECT_TRUE(kv->buffers().empty());
  kv->extend(none, a, 7);
  kv->settle(a);
  kv->release(a);
  EXPECT_EQ(kv->n_tokens(a), 0);
}

TEST_F(KvMemoryTest, InPlaceTakesAPageForEveryThirtyTwoTokens) {
  make();
  grow(none, a, 16, 1);
  for (int n = 32; n <= 5 * kP; n += 16) {
    grow(a, a, 16, 1);
    EXPECT_EQ(n_used(0), static_cast<std::uint32_t>((n + kP - 1) / kP));
  }
  expect_rows(a, 0, 5 * kP, 1);
  const KvLane lane = kv->lane(0, a, 16);
  EXPECT_EQ(lane.pos, 5 * kP - 16);
  EXPECT_EQ(lane.first_page, 0);
  EXPECT_EQ(lane.pages.size(), 5u);
}

TEST_F(KvMemoryTest, ACellThatComesFromAnotherSharesFullPagesAndCopiesTheLast) {
  make();
  for (int i = 0; i < 5; ++i) grow(i == 0 ? none : a, a, 10, 1);  // 50 tokens
  ASSERT_EQ(n_used(0), 2u);
  grow(a, b, 3, 2);
  EXPECT_EQ(n_used(0), 3u);
  EXPECT_EQ(kv->lists(0).pages(a)[0], kv->lists(0).pages(b)[0]);
  EXPECT_NE(kv->lists(0).pages(a)[1], kv->lists(0).pages(b)[1]);
  grow(a, a, 3, 1);
  expect_rows(a, 0, 53, 1);
  expect_rows(b, 0, 50, 1);
  expect_rows(b, 50, 53, 2);
}

TEST_F(KvMemoryTest, OnAPagesEdgeNothingIsCopied) {
  make();
  grow(none, a, 16, 1);
  grow(a, a, 16, 1);
  const int n_read = near.type.counts.n_read;
  kv->extend(a, b, 1);
  EXPECT_EQ(near.type.counts.n_read, n_read);
  EXPECT_EQ(n_used(0), 2u);
  kv->release(b);
  EXPECT_EQ(n_used(0), 1u);
  expect_rows(a, 0, 32, 1);
}

TEST_F(KvMemoryTest, APageIsWipedWhenTheLastCellGivesItUp) {
  make();
  for (int i = 0; i < 3; ++i) grow(i == 0 ? none : a, a, 16, 1);
  grow(a, b, 1, 2);
  const int n_zeroed = near.type.counts.n_zeroed;
  kv->release(a);
  EXPECT_OK(kv->check());
  EXPECT_OK(kv->check_free_pages());
  EXPECT_EQ(near.type.counts.n_zeroed - n_zeroed, 2);  // the partly filled page, two layers there
  expect_rows(b, 0, 48, 1);
  kv->release(b);
  EXPECT_EQ(n_used(0), 0u);
  EXPECT_EQ(n_used(1), 0u);
  EXPECT_EQ(kv->n_tokens(b), 0);
}

TEST_F(KvMemoryTest, AWindowGivesBackWhatItNoLongerShows) {
  kv_size = 5 * kP;
  layout.layers[0].window = layout.layers[3].window = kWindow;
  make();
  ASSERT_FALSE(kv->is_ample(0));
  grow(none, a, 16, 1);
  for (int i = 1; i < 4000 / 16; ++i) {  // far more than the pool has
    grow(a, a, 16, 1);
    EXPECT_LE(n_used(0), 3u);
  }
  EXPECT_EQ(kv->n_tokens(a), 4000);
  EXPECT_EQ(kv->lists(0).first_page(a), (4000 - kWindow + 1) / kP);
  expect_rows(a, 4000 - kWindow + 1, 4000, 1);
}

TEST_F(KvMemoryTest, APageStaysWhileAnyOfItsPositionsIsVisible) {
  make();
  int n = 0;
  for (CellId from = none; n < 3 * kP; from = a) {
    grow(from, a, 1, 1);
    ++n;
    EXPECT_EQ(kv->lists(1).first_page(a), n < kWindow ? 0 : (n - kWindow + 1) / kP) << n;
  }
}

TEST_F(KvMemoryTest, AWindowsSharedPagesStayWithTheOtherCell) {
  make();
  for (int i = 0; i < 3; ++i) grow(i == 0 ? none : a, a, 16, 1);
  grow(a, b, 16, 2);
  for (int i = 0; i < 6; ++i) grow(b, b, 16, 2);
  expect_rows(a, 0, 48, 1);
  kv->release(a);
  expect_rows(b, 48, kv->n_tokens(b), 2);
  const KvTensor& unlimited = kv->all()[0];
  std::vector<std::byte> found(unlimited.row_bytes);
  kv->read(unlimited, b, 47, found);
  EXPECT_EQ(found, row(unlimited, 1, 47));
}

TEST_F(KvMemoryTest, ATruncatedCellCopiesItsLastPageWhenOthersHaveIt) {
  layout.layers[2].window = 0;
  make();
  for (int i = 0; i < 3; ++i) grow(i == 0 ? none : a, a, 16, 1);
  kv->share(a, b, 20);  // in the middle of a page that a has filled
  EXPECT_EQ(n_used(0), 2u);
  kv->share(a, c, 48);
  kv->truncate(c, 20);
  grow(b, b, 4, 2);  // in place
  grow(c, c, 4, 3);
  EXPECT_EQ(n_used(0), 4u);
  expect_rows(a, 0, 48, 1);
  expect_rows(b, 0, 20, 1);
  expect_rows(b, 20, 24, 2);
  expect_rows(c, 20, 24, 3);
}

TEST_F(KvMemoryTest, TruncationEndsWhereTheWindowHasPassed) {
  make();
  for (int n = 1; n <= 2 * kWindow; ++n) {
    grow(n == 1 ? none : a, a, 1, 1);
    EXPECT_EQ(kv->n_tokens_min(a), n < kWindow ? 0 : n) << n;
  }
  kv->share(a, b, 2 * kWindow);
  kv->truncate(a, 2 * kWindow);
  expect_rows(a, 0, 2 * kWindow, 1);
}

TEST_F(KvMemoryTest, AnInstalledStateHasThePagesThatItsWindowsShow) {
  make();
  kv->install(a, 100);
  EXPECT_EQ(kv->lists(0).pages(a).size(), 4u);
  EXPECT_EQ(kv->lists(1).first_page(a), (100 - kWindow + 1) / kP);
  EXPECT_EQ(kv->lists(1).end_page(a), 4);
  for (const KvTensor& t : kv->all()) {
    const Pos first = first_visible(100, t.window);
    std::vector<std::byte> rows;
    for (Pos p = first; p < 100; ++p) {
      const auto one = row(t, 5, p);
      rows.insert(rows.end(), one.begin(), one.end());
    }
    kv->write(t, a, first, rows);
    std::vector<std::byte> found(rows.size());
    kv->read(t, a, first, found);
    EXPECT_EQ(found, rows);
  }
  expect_rows(a, 0, 100, 5);
}

TEST_F(KvMemoryTest, TheWorstLaneHasAsManyPagesAsThereCanBe) {
  make();
  const KvLane all = kv->worst_lane(0, 16);
  EXPECT_EQ(all.pages.size(), 12u);
  EXPECT_EQ(all.pos, 12 * kP - 16);
  EXPECT_EQ(kv->worst_lane(1, 1).pages.size(), 3u);
  kv_size = 1;
  make();
  EXPECT_EQ(kv->worst_lane(0, 16).pages.size(), 1u);
}

}  // namespace
}  // namespace eddy::test

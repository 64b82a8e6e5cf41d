// What a plan says is needed is what is taken, or a little more; never less.
#include "memory/kv_needs.h"

#include "support/kv_fixture.h"

namespace eddy::test {
namespace {

class KvNeedsTest : public KvFixture {
 protected:
  std::uint64_t needed(std::size_t group, const KvGrowth& growth) const {
    KvNeeds needs(*kv);
    needs.add(growth);
    return needs.n_pages()[group];
  }
};

// Every length before and after: what is needed is what is taken.
TEST_F(KvNeedsTest, WithoutAWindowNeedsAreExact) {
  layout.layers.resize(1);
  devices.resize(1);
  for (int before = 0; before <= 2 * kP + 1; ++before) {
    for (const int n : {1, 2, 31, 32, 33, 64, 65}) {
      for (const bool is_in_place : {true, false}) {
        make();
        if (before > 0) kv->extend(none, a, before);
        if (before == 0 && is_in_place) continue;
        const CellId cell = before > 0 ? a : none;
        const std::uint64_t n_needed = needed(0, {.cell = cell,
                                                  .n_tokens = static_cast<std::uint64_t>(n),
                                                  .n_tokens_max = static_cast<std::uint64_t>(n),
                                                  .is_in_place = is_in_place});
        const std::uint32_t n_before = n_used(0);
        kv->extend(cell, is_in_place ? a : b, n);
        ASSERT_EQ(n_used(0) - n_before, n_needed) << before << " + " << n;
      }
    }
  }
}

// Whatever is taken at once, micro-batch by micro-batch, is at most what was needed.
TEST_F(KvNeedsTest, WithAWindowNeedsAreNeverTooFew) {
  layout.layers = {{.k_elems = 1, .v_elems = 1, .window = kWindow}};
  devices.resize(1);
  mem_size = 100;
  for (int before = 1; before <= 4 * kP; before += 3) {
    for (const int n : {1, 5, 16, 40, 200}) {
      for (const bool is_in_place : {true, false}) {
        for (const int n_forked : {0, before / 2}) {
          make();
          for (int i = 0; i < before; ++i) {
            kv->extend(i == 0 ? none : a, a, 1);
            kv->settle(a);
            if (i + 1 == n_forked) kv->extend(a, c, 1);  // shares what a has by then
          }
          const std::uint64_t n_needed = needed(0, {.cell = a,
                                                    .n_tokens = static_cast<std::uint64_t>(n),
                                                    .n_tokens_max = 16,
                                                    .is_in_place = is_in_place,
                                                    .is_alone = is_in_place});
          EXPECT_LE(n_needed, 4u);
          const std::uint32_t n_before = n_used(0);
          for (int done = 0; done < n; done += 16) {
            const CellId src = is_in_place || done == 0 ? a : b;
            const CellId dst = is_in_place ? a : b;
            kv->extend(src, dst, std::min(16, n - done));
            ASSERT_LE(n_used(0), n_before + n_needed) << before << " + " << n << " at " << done;
            kv->settle(dst);
          }
        }
      }
    }
  }
}

TEST_F(KvNeedsTest, AnInstalledStateTakesTheRoomOfTheOneItReplaces) {
  kv_size = 11 * kP;  // neither group is ample
  make();
  for (int i = 0; i < 6; ++i) grow(i == 0 ? none : a, a, 16, 1);
  KvNeeds needs(*kv);
  needs.add_state(100, none);
  EXPECT_EQ(needs.n_pages()[0], 4u);
  EXPECT_EQ(needs.n_pages()[1], 3u);
  needs.begin();
  needs.add_state(100, a);  // three pages of its own, two in the window
  EXPECT_EQ(needs.n_pages()[0], 1u);
  EXPECT_EQ(needs.n_pages()[1], 1u);
  grow(a, b, 1, 2);  // shares them
  needs.begin();
  needs.add_state(100, a);
  EXPECT_EQ(needs.n_pages()[0], 4u);
}

TEST_F(KvNeedsTest, AnAmpleGroupNeedsNothing) {
  make();
  EXPECT_EQ(needed(1, {.cell = none, .n_tokens = 4000, .n_tokens_max = 16}), 0u);
  EXPECT_EQ(needed(0, {.cell = none, .n_tokens = 4000, .n_tokens_max = 16}), 125u);
}

}  // namespace
}  // namespace eddy::test

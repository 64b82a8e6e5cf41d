// A memory with attention layers, driven by the fake model.
#pragma once

#include <utility>
#include <vector>

#include "support/memory_fixture.h"

namespace eddy::test {

class HybridFixture : public MemoryFixture {
 protected:
  // One recurrent layer, one that sees all, one that sees a window.
  RecurrentMemoryParams hybrid(std::uint32_t mem_size, std::uint32_t n_pages, int window = 40) {
    RecurrentMemoryParams p = params(mem_size, 8);
    return with_layout(p, hybrid_layout(1, {0, window}), n_pages);
  }
  RecurrentMemoryParams attention(std::uint32_t mem_size, std::uint32_t n_pages) {
    return with_layout(params(mem_size, 8), hybrid_layout(0, {0, 0}), n_pages);
  }
  RecurrentMemoryParams with_layout(RecurrentMemoryParams p, StateLayout layout,
                                    std::uint32_t n_pages) {
    p.layout = std::move(layout);
    p.layer_devices.assign(p.layout.layers.size(), &device);
    p.kv_size = n_pages * kP;
    return p;
  }

  // The sequence has read exactly these tokens, and everything that it keeps is theirs.
  void expect_content(int seq, const std::vector<Token>& all) {
    ASSERT_EQ(pos(seq), static_cast<Pos>(all.size()) - 1) << "sequence " << seq;
    if (all.empty()) return;
    const CellId tail = memory->ledger()[SeqId(seq)].tail;
    EXPECT_EQ(wrong_content(memory->kv(), tensors_of(*memory, n_layers), tail, all), "")
        << "sequence " << seq;
  }

  std::uint32_t n_free(std::size_t group = 0) const { return memory->kv().lists(group).n_free(); }

  std::vector<Token> read(int seq, std::size_t n, int first) {
    const auto added = some_tokens(n, first);
    EXPECT_OK(extend(seq, added));
    return added;
  }
};

inline std::vector<Token> operator+(std::vector<Token> a, const std::vector<Token>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace eddy::test

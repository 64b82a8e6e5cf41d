// The worked examples of docs/state-format.md: they are what the page says, built here field by
// field with nothing of src/, and what the code reads and writes.
#include <fmt/format.h>
#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "memory/blob_file.h"
#include "memory/recurrent_memory.h"
#include "memory/state_summary.h"
#include "support/memory_fixture.h"
#include "support/state_bytes.h"
#include "support/store_worlds.h"

namespace eddy::test {
namespace {

using Bytes = std::vector<std::byte>;

// Bytes and, for each piece of them, what the page says about it.
class Example {
 public:
  template <class T>
  void number(T value, const std::string& label) {
    std::byte bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> 8 * i);
    }
    add(bytes, label);
  }
  void text(std::string_view text, const std::string& label) {
    add(std::as_bytes(std::span(text)), label);
  }
  void floats(std::initializer_list<float> values, const std::string& label) {
    Bytes bytes;
    for (const float value : values) {
      const auto bits = std::bit_cast<std::uint32_t>(value);
      for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(bits >> 8 * i));
    }
    add(bytes, label);
  }
  // XXH3 of 64 bits of the bytes from `from` on.
  void sum64(std::size_t from, const std::string& label) {
    number(XXH3_64bits(bytes_.data() + from, bytes_.size() - from), label);
  }
  void sum128(const Bytes& of, const std::string& label) {
    const XXH128_hash_t hash = XXH3_128bits(of.data(), of.size());
    Bytes bytes(16);
    std::memcpy(bytes.data(), &hash.low64, 8);
    std::memcpy(bytes.data() + 8, &hash.high64, 8);
    add(bytes, label);
  }
  void add(std::span<const std::byte> bytes, const std::string& label) {
    for (std::size_t i = 0; i < bytes.size(); i += kPerLine) {
      std::string hex;
      for (const std::byte b : bytes.subspan(i, std::min(kPerLine, bytes.size() - i))) {
        hex += fmt::format("{:02x} ", std::to_integer<int>(b));
      }
      const std::string line =
          fmt::format("{:>4}  {:<26}{}", bytes_.size() + i, hex, i == 0 ? label : "");
      page_ += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  std::size_t size() const { return bytes_.size(); }
  const Bytes& bytes() const { return bytes_; }
  const std::string& page() const { return page_; }

 private:
  static constexpr std::size_t kPerLine = 8;
  Bytes bytes_;
  std::string page_;
};

constexpr std::uint32_t kF32 = 0, kF32Kv = 0;  // GGUF's numbers of element types
constexpr int kWindow = 2;

// What the layout digest of the example is made of: the page lists it too.
Example layout_bytes() {
  Example layout;
  const auto tensor = [&](std::uint32_t layer, const char* tag, std::uint64_t n_elems) {
    layout.number(layer, fmt::format("layer {}", layer));
    layout.text(tag, tag);
    layout.number(n_elems, fmt::format("{} elements in a row", n_elems));
  };
  tensor(0, "ROWR", 2);
  tensor(0, "ROWS", 1);
  for (const char* tag : {"ROWK", "ROWV"}) {
    tensor(1, tag, 1);
    layout.number(kF32Kv, "element type, 0 is F32");
    layout.number(std::uint32_t{kWindow}, "window of 2 positions");
  }
  return layout;
}

// A state after three tokens: layer 0 keeps R and S, layer 1 keys and values of a window of two,
// of which the next token would see the last one.
Example state_example() {
  Example e;
  e.text("EDDYSTAT", "magic");
  e.number(std::uint32_t{1}, "version");
  e.number(std::uint32_t{1}, "content: one state");
  e.number(std::uint64_t{236}, "bytes in all");
  Bytes identity;
  for (int i = 1; i <= 16; ++i) identity.push_back(static_cast<std::byte>(i));
  e.add(identity, "model identity");
  e.number(kF32, "element type of R, 0 is F32");
  e.number(kF32, "element type of S");
  e.sum128(layout_bytes().bytes(), "layout digest");
  e.sum64(0, "XXH3 of bytes 0 to 63");
  const auto section = [&](const char* tag, std::uint32_t index, std::uint64_t n_bytes,
                           const char* what, auto payload) {
    const std::size_t from = e.size();
    e.text(tag, fmt::format("section {}", tag));
    e.number(index, what);
    e.number(n_bytes, "bytes of payload");
    payload();
    e.sum64(from, "XXH3 of the section so far");
  };
  section("STAT", 0, 8, "state 0", [&] { e.number(std::uint64_t{3}, "3 tokens led to it"); });
  section("ROWR", 0, 8, "layer 0", [&] { e.floats({1, -2.5}, "1, -2.5"); });
  section("ROWS", 0, 4, "layer 0", [&] { e.floats({0.5}, "0.5"); });
  section("ROWK", 1, 4, "layer 1", [&] { e.floats({4}, "4, of position 2"); });
  section("ROWV", 1, 4, "layer 1", [&] { e.floats({-4}, "-4, of position 2"); });
  e.sum128(e.bytes(), "XXH3-128 of all before");
  return e;
}

// The text of a page's block of this name.
std::string block(const std::string& name) {
  std::ifstream file(EDDY_SOURCE_DIR "/docs/state-format.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string head = "```text " + name + "\n";
  const std::size_t first = page.find(head);
  if (first == page.npos) return {};
  return page.substr(first + head.size(), page.find("```", first + 3) - first - head.size());
}

class StateExample : public MemoryFixture {
 protected:
  void SetUp() override {
    RecurrentMemoryParams p = params(2, 2);
    p.layout.layers = {{.r_elems = 2, .s_elems = 1},
                       {.k_elems = 1, .v_elems = 1, .window = kWindow}};
    p.type_kv = DType::kF32;
    p.kv_size = 64;
    for (std::size_t i = 0; i < 16; ++i) {
      p.identity.bytes[i] = static_cast<std::uint8_t>(i + 1);
    }
    make(p);
  }
  const Bytes example = state_example().bytes();
};

TEST_F(StateExample, IsWhatThePageSays) {
  EXPECT_EQ(layout_bytes().page(), block("layout"));
  EXPECT_EQ(state_example().page(), block("state"));
}

TEST_F(StateExample, IsReadAndWrittenAgain) {
  ASSERT_OK(memory->state_read(example, SeqId(0)));
  EXPECT_EQ(pos(0), 2);
  const auto written = memory->state_write(SeqId(0));
  ASSERT_OK(written);
  EXPECT_EQ(*written, example);
}

TEST_F(StateExample, SaysWhatItIsWithoutItsModel) {
  const auto summary = summarise_state(example);
  ASSERT_OK(summary);
  EXPECT_EQ(summary->n_tokens, 3);
  EXPECT_EQ(summary->model.bytes[15], 16);
  ASSERT_EQ(summary->rows.size(), 4u);
  EXPECT_DOUBLE_EQ(state_norm(summary->rows[0]), std::sqrt(1 + 6.25));
  EXPECT_DOUBLE_EQ(state_norm(summary->rows[1]), 0.5);
  EXPECT_DOUBLE_EQ(state_distance(summary->rows[0], summary->rows[0]), 0);
  EXPECT_EQ(summary->rows[2].kind, StateKind::kK);
  EXPECT_EQ(summary->rows[3].layer, LayerId(1));
}

// The summary is a second reader: it refuses what the first one refuses.
TEST_F(StateExample, EveryFlippedBitAndEveryCutIsRefusedByBothReaders) {
  Bytes damaged = example;
  for (std::size_t i = 0; i < example.size() * 8; ++i) {
    damaged[i / 8] ^= static_cast<std::byte>(1u << i % 8);
    EXPECT_FALSE(memory->state_read(damaged, SeqId(0)).ok()) << "bit " << i;
    EXPECT_FALSE(summarise_state(damaged).ok()) << "bit " << i;
    damaged[i / 8] = example[i / 8];
  }
  for (std::size_t n = 0; n < example.size(); ++n) {
    EXPECT_FALSE(memory->state_read(std::span(example).first(n), SeqId(0)).ok()) << n;
    EXPECT_FALSE(summarise_state(std::span(example).first(n)).ok()) << n;
  }
  damaged.push_back(std::byte{0});
  EXPECT_FALSE(memory->state_read(damaged, SeqId(0)).ok());
  EXPECT_FALSE(summarise_state(damaged).ok());
  EXPECT_EQ(pos(0), -1);
}

// Behind right checksums the summary is as careful: it may refuse, but reads nothing beyond the
// end.
TEST_F(StateExample, TheSummaryOfForgedFieldsIsSafe) {
  for (std::size_t at = 0; at + 8 <= example.size(); ++at) {
    for (const std::uint64_t lie : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{1} << 31,
                                    ~std::uint64_t{0}, ~std::uint64_t{0} - 23}) {
      Bytes forged = example;
      store_le(forged.data() + at, lie);
      reseal(forged);
      const auto summary = summarise_state(forged);
      if (!summary) continue;
      for (const StateSummary::Row& row : summary->rows) {
        EXPECT_GE(row.elements.data(), forged.data());
        EXPECT_LE(row.elements.data() + row.elements.size(), forged.data() + forged.size());
        if (row.has_type()) (void)state_norm(row);
      }
    }
  }
  Bytes newer = example;
  newer[8] = std::byte{2};
  reseal(newer);
  EXPECT_CODE(summarise_state(newer), kUnsupported);
}

TEST(BlobExample, HasTheDocumentedBytes) {
  Example e;
  e.text("EDDYBLOB", "magic");
  e.number(std::uint32_t{1}, "version");
  e.number(std::uint32_t{1}, "flags: pinned");
  e.number(std::uint64_t{3}, "bytes of content");
  const Bytes content = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  e.sum128(content, "XXH3-128 of the content");
  const StateDescriptor state = descriptor("diary", 7, true);
  e.add(std::as_bytes(std::span(state.model.bytes)), "model identity");
  e.number(std::uint64_t{7}, "tokens");
  e.number(std::uint64_t{1'000'000}, "microseconds since 1970");
  e.number(std::uint32_t{5}, "bytes of the name");
  e.text("diary", "the name");
  e.add(Bytes(376 - e.size()), "zeros");
  e.sum64(0, "XXH3 of the header");
  const auto header = encode_blob_header(
      {.state = state, .n_bytes = 3, .digest = checksum128(content), .last_use_us = 1'000'000});
  EXPECT_EQ(Bytes(header.begin(), header.end()), e.bytes());
}

}  // namespace
}  // namespace eddy::test

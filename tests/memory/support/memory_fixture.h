// A memory on a test device, driven by the fake model, and the questions that tests ask it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/recurrent_memory.h"
#include "support/fake_model.h"
#include "support/test_device.h"

namespace eddy::test {

inline constexpr int kP = kKvPage;

inline std::vector<Token> tokens(std::initializer_list<int> values) {
  std::vector<Token> out;
  for (const int value : values) out.push_back(Token(value));
  return out;
}

inline std::vector<Token> some_tokens(std::size_t n, int first = 0) {
  std::vector<Token> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(Token(first + static_cast<int>(i % 1000)));
  return out;
}

class MemoryFixture : public ::testing::Test {
 protected:
  static constexpr std::size_t kLayers = 2;
  static constexpr std::uint32_t kUBatchMax = 64;

  RecurrentMemoryParams params(std::uint32_t mem_size, std::uint32_t n_seq_max) const {
    return {.layout = hash_layout(kLayers),
            .layer_devices = std::vector<const Device*>(kLayers, &device),
            .mem_size = mem_size,
            .n_seq_max = n_seq_max,
            .n_ubatch_max = kUBatchMax,
            .filter = {},
            .identity = test_identity()};
  }

  void make(std::uint32_t mem_size, std::uint32_t n_seq_max) { make(params(mem_size, n_seq_max)); }
  void make(RecurrentMemoryParams p) {
    n_layers = p.layout.layers.size();
    auto made = RecurrentMemory::create(std::move(p));
    ASSERT_TRUE(made.ok()) << made.error().message;
    memory = std::move(*made);
  }

  // Extends several sequences in one batch; with fail_at, micro-batch number fail_at fails after
  // its kernels have written.
  Status extend(const std::vector<BatchPart>& batch, std::uint32_t n_ubatch = kUBatchMax,
                std::optional<int> fail_at = std::nullopt) {
    auto context = memory->init_batch(batch, n_ubatch);
    if (!context) return context.error();
    for (int i = 0;; ++i) {
      const Status applied = context->apply();
      if (!applied) return applied;
      run_model(*context, n_layers);
      if (fail_at == i) return Error{ErrorCode::kCancelled, "injected"};
      if (!context->next()) return {};
    }
  }
  Status extend(int seq, const std::vector<Token>& added) {
    return extend({{.seq = SeqId(seq), .tokens = added}});
  }

  // The hash in a sequence's tail, asserted to be the same in every tensor; by way of the
  // serialised state, so that the test needs no view of cells.
  std::optional<std::uint64_t> state(int seq) const { return state_of(*memory, seq); }

  static std::optional<std::uint64_t> state_of(const RecurrentMemory& memory, int seq) {
    const auto bytes = memory.state_write(SeqId(seq));
    if (!bytes) return std::nullopt;
    std::optional<std::uint64_t> hash;
    std::size_t at = kHeaderBytes + kSectionExtraBytes + 8;
    for (std::size_t i = 0; i < 2 * kLayers; ++i) {
      const LayerId il(static_cast<std::int32_t>(i / 2));
      const StateKind kind = i % 2 == 0 ? StateKind::kR : StateKind::kS;
      const auto row = std::span(*bytes).subspan(at + kSectionHeadBytes, 12);
      const auto found = take_hash(DType::kF32, row);
      if (!found) return std::nullopt;
      const std::uint64_t value = *found ^ key_of(il, kind);
      EXPECT_EQ(value, hash.value_or(value)) << "tensor " << i;
      hash = value;
      at += kSectionExtraBytes + 12;
    }
    return hash;
  }

  Pos pos(int seq) const {
    const auto found = memory->seq_pos_max(SeqId(seq));
    return found.ok() ? *found : -2;
  }

  // What the sequence should be, after exactly these tokens.
  void expect_tokens(int seq, const std::vector<Token>& all) const {
    EXPECT_EQ(pos(seq), static_cast<Pos>(all.size()) - 1) << "sequence " << seq;
    if (!all.empty()) {
      EXPECT_EQ(state(seq), std::optional(fold(0, all))) << "sequence " << seq;
    }
  }

  void expect_sound() const {
    const Status checked = memory->check();
    EXPECT_TRUE(checked.ok()) << checked.error().message;
    const Status wiped = memory->check_free_rows();
    EXPECT_TRUE(wiped.ok()) << wiped.error().message;
  }

  void TearDown() override {
    if (memory) expect_sound();
  }

  TestDevice device{"test", true};
  TestDevice far{"far", false, 256};  // not addressable by the host
  std::size_t n_layers = kLayers;
  std::unique_ptr<RecurrentMemory> memory;
};

// EXPECT_CODE(memory->seq_rm(...), kOutOfWindow)
#define EXPECT_CODE(expression, expected_code)                  \
  do {                                                          \
    const auto& expect_code_result = (expression);              \
    ASSERT_FALSE(expect_code_result.ok());                      \
    EXPECT_EQ(error_code_name(expect_code_result.error().code), \
              error_code_name(ErrorCode::expected_code))        \
        << expect_code_result.error().message;                  \
  } while (false)
#define EXPECT_OK(expression)                                               \
  do {                                                                      \
    const auto& expect_ok_result = (expression);                            \
    EXPECT_TRUE(expect_ok_result.ok()) << expect_ok_result.error().message; \
  } while (false)
#define ASSERT_OK(expression)                                               \
  do {                                                                      \
    const auto& assert_ok_result = (expression);                            \
    ASSERT_TRUE(assert_ok_result.ok()) << assert_ok_result.error().message; \
  } while (false)

}  // namespace eddy::test

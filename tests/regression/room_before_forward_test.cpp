// Room for quantised activations was made inside a forward pass, where it may not be had: then a
// micro-batch failed half-way and took its sequences' states with it.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>

#include "base/support/sanitized.h"
#include "cpu/cpu_ops.h"
#include "engine/runner.h"
#include "make_model/architectures.h"
#include "make_model/temporary_model.h"

namespace eddy {
namespace {

// From here on the operating system gives no more memory; small pieces may still be on the heap.
void end_memory() {
  std::uint64_t n_pages = 0;
  std::ifstream("/proc/self/statm") >> n_pages;
  const rlim_t now = n_pages * 4096;
  const rlimit limit = {.rlim_cur = now, .rlim_max = now};
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(2);
}

template <class T>
T must(Result<T> result) {
  if (!result) std::exit(3);
  return std::move(*result);
}

// Exits with 0 if a model computes a batch after memory has ended, with 1 if it does not.
void run_without_memory(const make_model::Architecture& architecture) {
  const auto file = must(make_model::open_temporary(*architecture.plan("tiny", DType::kQ8_0), 1));
  const auto ops = must(make_cpu_ops({.n_threads = 1}));
  const auto model = must(load_model(file, *ops));
  const std::size_t n_layer = model->state_layout().layers.size();
  const auto memory = must(
      RecurrentMemory::create({.layout = model->state_layout(),
                               .layer_devices = std::vector<const Device*>(n_layer, &ops->device()),
                               .mem_size = 2,
                               .n_seq_max = 2,
                               .n_ubatch_max = 16,
                               .kv_size = 64,
                               .filter = {},
                               .identity = model->identity()}));
  Runner runner = must(Runner::create(
      {.model = *model, .ops = *ops, .memory = *memory, .n_batch = 16, .n_ubatch = 16}));
  const std::vector<Token> tokens(16, Token(1));
  const std::vector<BatchPart> batch = {{.seq = SeqId(0), .tokens = tokens}};
  const std::atomic<bool> cancel = false;
  end_memory();
  const Status done = runner.run(batch, cancel, [](const Output&) {});
  std::exit(done.ok() ? 0 : 1);
}

TEST(RoomBeforeForwardDeathTest, IsMadeWithTheRunner) {
  if (test::kIsSanitized) GTEST_SKIP() << "sanitizers need memory themselves";
  for (const auto& architecture : make_model::architectures()) {
    EXPECT_EXIT(run_without_memory(architecture), testing::ExitedWithCode(0), "")
        << architecture.name;
  }
}

// Exits with 0 if a product can be computed after memory has ended, with 1 if not.
void multiply_without_memory(bool reserves) {
  constexpr std::int64_t kIn = 1 << 16, kTokens = 64;
  const std::vector<std::byte> weight(kIn / 32 * 34);
  const std::vector<float> x(kIn * kTokens);
  std::vector<float> out(kTokens);
  const auto ops = must(make_cpu_ops({.n_threads = 1}));
  const LinearArgs args = {
      .weight = {.data = weight.data(), .type = DType::kQ8_0, .ne = {kIn, 1, 1, 1}, .name = "w"},
      .x = {.data = x.data(), .n = kIn, .n_tokens = kTokens, .stride = kIn},
      .out = {.data = out.data(), .n = 1, .n_tokens = kTokens, .stride = 1}};
  if (reserves && !ops->reserve(args).ok()) std::exit(4);
  end_memory();
  std::exit(ops->linear(args).ok() ? 0 : 1);
}

TEST(RoomBeforeForwardDeathTest, IsAllThatALinearAllocates) {
  if (test::kIsSanitized) GTEST_SKIP() << "sanitizers need memory themselves";
  EXPECT_EXIT(multiply_without_memory(true), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(multiply_without_memory(false), testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace eddy

// The arena of a forward pass: planned by a run that computes nothing, and exactly as large.
#include "models/scratch.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "base/try.h"
#include "memory/recurrent_memory.h"
#include "models/fake_ops.h"
#include "models/model.h"

namespace eddy {
namespace {

constexpr std::uint32_t kTokens = 6;  // of the worst micro-batch
constexpr std::int64_t kVocab = 10;

// A model whose forward pass is the test's.
class ScriptedModel final : public Model {
 public:
  explicit ScriptedModel(std::function<Status(const Forward&)> forward)
      : Model({.architecture = "scripted", .name = "", .n_layer = 1, .n_vocab = kVocab}, {}),
        forward_(std::move(forward)) {
    layout_.layers = {{.r_elems = 4, .s_elems = 4}};
  }
  Status forward(const Forward& pass) const override { return forward_(pass); }

 private:
  std::function<Status(const Forward&)> forward_;
};

Result<Scratch> plan(std::function<Status(const Forward&)> forward, Ops& ops) {
  const ScriptedModel model(std::move(forward));
  EDDY_TRY_ASSIGN(const auto memory, RecurrentMemory::create({.layout = model.state_layout(),
                                                              .layer_devices = {&ops.device()},
                                                              .mem_size = 3,
                                                              .n_seq_max = 2,
                                                              .n_ubatch_max = kTokens,
                                                              .filter = {},
                                                              .identity = {}}));
  EDDY_TRY_ASSIGN(const RecurrentContext worst, memory->init_full());
  return Scratch::create(model, ops, worst);
}

Result<Scratch> plan(std::function<Status(const Forward&)> forward) {
  FakeOps ops;
  return plan(std::move(forward), ops);
}

// Two layers: {20, T} all the time, and in each layer {16, T}, in the second also {33, T}.
Status two_layers(const Forward& pass) {
  const auto n_tokens = static_cast<std::int64_t>(pass.context.ubatch().tokens.size());
  const Scratch::Scope all(pass.scratch);
  pass.scratch.mat(20, n_tokens);
  for (int layer = 0; layer < 2; ++layer) {
    const Scratch::Scope scope(pass.scratch);
    pass.scratch.mat(16, n_tokens);
    if (layer == 1) pass.scratch.mat(33, n_tokens);
  }
  return {};
}

Scratch planned(std::function<Status(const Forward&)> forward) {
  auto scratch = plan(std::move(forward));
  EXPECT_TRUE(scratch.ok()) << scratch.error().message;
  return std::move(*scratch);
}

TEST(Scratch, IsAsLargeAsTheMostThatIsUsedAtATime) {
  // Rows of 20, 16 and 33 floats take 32, 16 and 48.
  EXPECT_EQ(planned(two_layers).n_bytes(), kTokens * (32 + 16 + 48) * sizeof(float));
  EXPECT_EQ(planned([](const Forward&) -> Status { return {}; }).n_bytes(), 0U);
}

TEST(Scratch, IsPlannedOnTheWorstMicroBatchWithoutAddresses) {
  int n_calls = 0;
  FakeOps ops;
  ops.computable = {DType::kQ8_0};
  const auto look = [&](const Forward& pass) -> Status {
    ++n_calls;
    EXPECT_EQ(pass.context.ubatch().tokens.size(), kTokens);
    EXPECT_EQ(pass.logits.n, kVocab);
    EXPECT_EQ(pass.logits.n_tokens, std::ssize(pass.context.ubatch().outputs));
    EXPECT_EQ(pass.logits.data, nullptr);
    const Mat mat = pass.scratch.mat(17, 2);
    EXPECT_EQ(mat.data, nullptr);
    EXPECT_EQ(mat.stride, 32);
    EXPECT_TRUE(pass.ops.can_multiply(DType::kQ8_0));
    EXPECT_FALSE(pass.ops.can_multiply(DType::kF32));
    EXPECT_EQ(&pass.ops.device(), &ops.device());
    return {};
  };
  EXPECT_TRUE(plan(look, ops).ok());
  EXPECT_EQ(n_calls, 1);
}

TEST(Scratch, GivesMatricesOnBoundariesThatDoNotOverlap) {
  Scratch scratch = planned(two_layers);
  const Scratch::Scope scope(scratch);
  const Mat a = scratch.mat(20, kTokens), b = scratch.mat(33, 3), c = scratch.mat(1, 1);
  for (const Mat& mat : {a, b, c}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mat.data) % 64, 0U);
    EXPECT_EQ(mat.stride % 16, 0);
    EXPECT_GE(mat.stride, mat.n);
  }
  EXPECT_EQ(a.n, 20);
  EXPECT_EQ(a.n_tokens, kTokens);
  EXPECT_EQ(b.data, a.data + kTokens * a.stride);
  EXPECT_EQ(c.data, b.data + 3 * b.stride);
}

TEST(Scratch, AScopeGivesBackWhatWasTakenInIt) {
  Scratch scratch = planned(two_layers);
  const Scratch::Scope outer(scratch);
  const Mat kept = scratch.mat(20, kTokens);
  const float* inside = nullptr;
  for (int i = 0; i < 100; ++i) {
    const Scratch::Scope inner(scratch);
    const Mat mat = scratch.mat(33, kTokens);
    if (inside == nullptr) inside = mat.data;
    EXPECT_EQ(mat.data, inside);
    EXPECT_NE(mat.data, kept.data);
  }
}

TEST(Scratch, ThePlansErrorIsTheError) {
  const auto failed =
      plan([](const Forward&) -> Status { return fail(ErrorCode::kUnsupported, "no such op"); });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(failed.error().message, "no such op");
}

TEST(Scratch, MoreThanTheMachineHasIsAnError) {
  const auto failed = plan([](const Forward& pass) -> Status {
    pass.scratch.mat(std::int64_t{1} << 55, 8);
    return {};
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kOutOfMemory);
}

TEST(ScratchDeathTest, MoreThanWasPlannedIsOurOwnMistake) {
  Scratch scratch = planned(two_layers);
  scratch.mat(16, kTokens * 6);  // exactly all of it
  EXPECT_DEATH(scratch.mat(1, 1), "");
}

}  // namespace
}  // namespace eddy

#include "engine/runner.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

bool all_finite(std::span<const float> values) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t n_bad = 0;
  for (const float value : values) {
    n_bad += (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent;
  }
  return n_bad == 0;
}

// Runs `allocate`; kOutOfMemory with the number of bytes if it could not.
template <class Allocate>
Status guarded(std::uint64_t n_bytes, const Allocate& allocate) {
  try {
    allocate();
    return {};
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kOutOfMemory, "logits: {} bytes cannot be had", n_bytes);
  }
}

}  // namespace

Result<Runner> Runner::create(const Params& params) {
  if (params.n_ubatch < 1 || params.n_ubatch > params.n_batch) {
    return fail(ErrorCode::kInvalidArgument, "n_ubatch: {}, expected 1 .. n_batch = {}",
                params.n_ubatch, params.n_batch);
  }
  EDDY_TRY_ASSIGN(const RecurrentContext worst, params.memory.init_full());
  EDDY_TRY_ASSIGN(Scratch scratch, Scratch::create(params.model, params.ops, worst));
  Runner runner(params, std::move(scratch));
  const std::uint32_t n_lanes = std::min(params.memory.n_seq_max(), params.n_ubatch);
  EDDY_TRY(runner.reserve_logits(n_lanes));
  EDDY_TRY(guarded(params.memory.n_seq_max() * sizeof(std::int64_t),
                   [&] { runner.n_done_.reserve(params.memory.n_seq_max()); }));
  return runner;
}

Status Runner::run(Batch batch, const std::atomic<bool>& cancel, const OnOutput& on_output) {
  EDDY_TRY(check(batch));
  EDDY_TRY_ASSIGN(RecurrentContext context, params_.memory.init_batch(batch, params_.n_ubatch));
  n_done_.assign(batch.size(), 0);
  do {
    if (cancel.load(std::memory_order_relaxed)) {
      return fail(ErrorCode::kCancelled, "stopped on request");
    }
    EDDY_TRY(compute(context));
    deliver(context.ubatch(), on_output);
  } while (context.next());
  return {};
}

Status Runner::check(Batch batch) const {
  const std::int64_t n_vocab = params_.model.info().n_vocab;
  std::size_t n_tokens = 0;
  for (const BatchPart& part : batch) {
    n_tokens += part.tokens.size();
    for (const Token token : part.tokens) {
      if (token.value >= 0 && token.value < n_vocab) continue;
      return fail(ErrorCode::kInvalidArgument, "token {}, expected 0 .. {}", token.value,
                  n_vocab - 1);
    }
  }
  if (n_tokens > params_.n_batch) {
    return fail(ErrorCode::kInvalidArgument, "batch of {} tokens, expected at most n_batch = {}",
                n_tokens, params_.n_batch);
  }
  return {};
}

Status Runner::reserve_logits(std::size_t n_outputs) {
  const std::size_t n = n_outputs * static_cast<std::size_t>(params_.model.info().n_vocab);
  if (n <= logits_.size()) return {};
  return guarded(n * sizeof(float), [&] { logits_.resize(n); });
}

// When this fails, the context takes the micro-batch back at its end.
Status Runner::compute(RecurrentContext& context) {
  const std::size_t n_outputs = context.ubatch().outputs.size();
  EDDY_TRY(reserve_logits(n_outputs));
  EDDY_TRY(context.apply());
  const std::int64_t n_vocab = params_.model.info().n_vocab;
  const Mat logits = {.data = logits_.data(),
                      .n = n_vocab,
                      .n_tokens = static_cast<std::int64_t>(n_outputs),
                      .stride = n_vocab};
  const Scratch::Scope scope(scratch_);
  return params_.model.forward(
      {.ops = params_.ops, .context = context, .scratch = scratch_, .logits = logits});
}

void Runner::deliver(const UBatch& ubatch, const OnOutput& on_output) {
  const auto n_vocab = static_cast<std::size_t>(params_.model.info().n_vocab);
  std::size_t row = 0;
  for (const UBatchPart& part : ubatch.parts) {
    auto& n_done = n_done_[static_cast<std::size_t>(part.part)];
    const std::int32_t end = part.first_token + part.n_tokens;
    for (; row < ubatch.outputs.size() && ubatch.outputs[row] < end; ++row) {
      const auto logits = std::span<const float>(logits_).subspan(row * n_vocab, n_vocab);
      on_output({.part = part.part,
                 .token = n_done + ubatch.outputs[row] - part.first_token,
                 .logits = logits,
                 .is_finite = all_finite(logits)});
    }
    n_done += part.n_tokens;
  }
}

}  // namespace eddy

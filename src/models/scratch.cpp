#include "models/scratch.h"

#include <algorithm>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/dry_ops.h"
#include "models/model.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

constexpr std::int64_t kFloatsOf64Bytes = 16;

}  // namespace

Result<Scratch> Scratch::create(const Model& model, Ops& ops, const RecurrentContext& worst) {
  Scratch scratch = planning();
  DryOps planning(ops, [&]<class Args>([[maybe_unused]] const Args& args) -> Status {
    if constexpr (std::is_same_v<Args, LinearArgs>) return ops.reserve(args);
    return {};
  });
  const auto n_outputs = static_cast<std::int64_t>(worst.ubatch().outputs.size());
  const std::int64_t n_vocab = model.info().n_vocab;
  EDDY_TRY(model.forward({.ops = planning,
                          .context = worst,
                          .scratch = scratch,
                          .logits = {nullptr, n_vocab, n_outputs, n_vocab}}));
  EDDY_TRY_ASSIGN(scratch.buffer_, host_buffer_type().allocate(scratch.most_used_ * sizeof(float)));
  scratch.capacity_ = scratch.most_used_;
  return scratch;
}

Mat Scratch::mat(std::int64_t n, std::int64_t n_tokens) {
  const std::int64_t stride = (n + kFloatsOf64Bytes - 1) / kFloatsOf64Bytes * kFloatsOf64Bytes;
  const std::uint64_t first = used_;
  used_ += static_cast<std::uint64_t>(stride * n_tokens);
  most_used_ = std::max(most_used_, used_);
  if (!buffer_) return {nullptr, n, n_tokens, stride};
  if (used_ > capacity_) std::abort();
  return {reinterpret_cast<float*>(buffer_->host()) + first, n, n_tokens, stride};
}

}  // namespace eddy

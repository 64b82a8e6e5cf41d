#include "models/recurrences.h"

#include <algorithm>

#include "base/guarded.h"
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/dry_ops.h"
#include "models/model.h"
#include "models/scratch.h"
#include "tensor/update_inputs.h"

namespace eddy {

namespace {

#define EDDY_CALL(op, Args) \
  [[maybe_unused]] Status call(Ops& ops, const Args& args) { return ops.op(args); }
EDDY_OPS(EDDY_CALL)
#undef EDDY_CALL

// One call for the tokens of one page of the log after another.
template <class Args>
Status replay_call(Ops& ops, Args args, const Replay& replay) {
  const LogRows& rows = args.state.log;
  const auto stride = static_cast<std::int64_t>(rows.n_elems);
  Lane lane = replay.lane;
  args.lanes = {&lane, 1};
  const std::int64_t end = replay.log.pos + replay.lane.n_tokens;
  for (std::int64_t pos = replay.log.pos; pos < end; pos += lane.n_tokens) {
    const std::int64_t row = pos % kKvPage;
    const auto page = static_cast<std::size_t>(pos / kKvPage - replay.log.first_page);
    lane.n_tokens = static_cast<std::int32_t>(std::min(end - pos, kKvPage - row));
    lane.pos = static_cast<std::uint32_t>(pos);
    const float* input = rows.host_row(replay.log.pages[page], row) + first_logged(args);
    each_update_input(args, [&](ConstMat& mat) {
      mat = {.data = input, .n = mat.n, .n_tokens = lane.n_tokens, .stride = stride};
      input += mat.n;
    });
    EDDY_TRY(call(ops, args));
    lane.src = lane.dst;
  }
  return {};
}

}  // namespace

Result<Recurrences> Recurrences::of(const Model& model, Ops& ops, const RecurrentContext& worst) {
  return guarded([&]() -> Result<Recurrences> {
    Recurrences found;
    DryOps noting(ops, [&]<class Args>(Args args) -> Status {
      if constexpr (HasUpdateInputs<Args>) {
        each_update_input(args, [](const ConstMat&) {});  // fills in what stands for others
        args.state.log_lanes = {};                        // a replay is not logged
        args.lanes = {};
        found.calls_.push_back(args);
      }
      return {};
    });
    Scratch scratch = Scratch::planning();
    EDDY_TRY(model.forward({.ops = noting,
                            .context = worst,
                            .scratch = scratch,
                            .logits = {nullptr, model.info().n_vocab, 0, model.info().n_vocab}}));
    return found;
  });
}

Status Recurrences::replay(Ops& ops, const Replay& replay) const {
  for (const Call& call : calls_) {
    EDDY_TRY(std::visit([&](const auto& args) { return replay_call(ops, args, replay); }, call));
  }
  return {};
}

}  // namespace eddy

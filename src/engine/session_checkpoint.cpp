#include "engine/session_checkpoint.h"

#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/core.h"
#include "engine/session.h"

namespace eddy {

std::span<const Token> SessionCheckpoint::tokens() const { return impl_->text.tokens; }

Result<SessionCheckpoint> Session::checkpoint() const {
  return guarded([&]() -> Result<SessionCheckpoint> {
    Engine::Core& core = *impl_->core;
    EDDY_TRY(core.check_idle());
    auto made = std::make_shared<SessionCheckpoint::Impl>(
        SessionCheckpoint::Impl{.core = impl_->core, .key = impl_->key, .text = *impl_});
    EDDY_TRY_ASSIGN(const Pos n_read, core.wake(impl_->seq));
    if (n_read > 0) {
      EDDY_TRY_ASSIGN(made->state, core.pinned.pin(*core.memory, impl_->seq));
    }
    return SessionCheckpoint(std::move(made));
  });
}

Status Session::restore(const SessionCheckpoint& checkpoint) {
  return guarded([&]() -> Status {
    EDDY_TRY(impl_->check_idle());
    const SessionCheckpoint::Impl& from = *checkpoint.impl();
    if (from.core != impl_->core) {
      return fail(ErrorCode::kInvalidArgument, "checkpoint: another engine's");
    }
    if (from.key != impl_->key) {
      return fail(ErrorCode::kMismatch, "checkpoint: of a session with another {}",
                  from.key.salt == impl_->key.salt ? "initial state" : "salt");
    }
    SessionText text = from.text;
    EDDY_TRY(impl_->core->start(impl_->seq, from.state.get()));
    static_cast<SessionText&>(*impl_) = std::move(text);
    return {};
  });
}

// Where it is lost the sequence is empty, and its next use computes it.
Status Engine::Core::start(SeqId seq, const PinnedState* state) {
  if (state && state->cell.is_kept()) {
    EDDY_TRY(memory->start(seq, state->cell));
  } else if (state && !state->bytes.empty()) {
    EDDY_TRY(memory->state_read(state->bytes, seq, Checksums::kIgnore));
  } else {
    forget(seq);
  }
  parking.forget(seq);
  return {};
}

}  // namespace eddy

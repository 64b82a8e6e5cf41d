// The inside of a SessionCheckpoint: a session's text, and its state.
#pragma once

#include <memory>

#include "eddy/engine.h"
#include "engine/core.h"
#include "engine/session_text.h"

namespace eddy {

struct SessionCheckpoint::Impl {
  std::shared_ptr<Engine::Core> core;  // goes after the state, which lies in its memory
  PrefixKey key = {};                  // of the session
  SessionText text = {};
  std::shared_ptr<const PinnedState> state = {};  // none: no token was read
};

}  // namespace eddy

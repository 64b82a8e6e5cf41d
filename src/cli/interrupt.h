// Ctrl-C: it stops the answer that is being computed, not the program.
//
// Threading: the main thread; the handler itself does what a signal handler may.
#pragma once

#include <csignal>

#include "eddy/engine.h"

namespace eddy {

// While it lives, SIGINT does nothing, unless an inner scope says otherwise.
class IgnoreInterrupts {
 public:
  IgnoreInterrupts();
  ~IgnoreInterrupts();
  IgnoreInterrupts(const IgnoreInterrupts&) = delete;
  IgnoreInterrupts& operator=(const IgnoreInterrupts&) = delete;

 private:
  struct sigaction previous_;
};

// While it lives, SIGINT cancels the session's running call. Afterwards SIGINT does what it did
// before. One at a time; the session stays where it is.
class CancelOnInterrupt {
 public:
  explicit CancelOnInterrupt(Session& session);
  ~CancelOnInterrupt();
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;
  CancelOnInterrupt& operator=(const CancelOnInterrupt&) = delete;

 private:
  struct sigaction previous_;
};

}  // namespace eddy

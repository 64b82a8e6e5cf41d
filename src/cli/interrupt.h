// Ctrl-C: it stops the answer that is being computed, not the program.
//
// Threading: the main thread; the handler itself does what a signal handler may.
#pragma once

#include <csignal>

#include "eddy/engine.h"

namespace eddy {

// While it lives, SIGINT is noted for the next CancelOnInterrupt, unless an inner scope says
// otherwise or it is forgotten before: none is lost between the line and its answer.
class NoteInterrupts {
 public:
  NoteInterrupts();
  ~NoteInterrupts();
  NoteInterrupts(const NoteInterrupts&) = delete;
  NoteInterrupts& operator=(const NoteInterrupts&) = delete;

 private:
  struct sigaction previous_;
};

bool interrupt_is_noted();
void forget_interrupt();

// While it lives, SIGINT cancels the session's running call, and so does one that was noted.
// Afterwards SIGINT does what it did before. One at a time; the session stays where it is.
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

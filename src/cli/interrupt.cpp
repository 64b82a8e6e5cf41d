#include "cli/interrupt.h"

#include <atomic>
#include <csignal>

namespace eddy {
namespace {

// A signal handler has no other way to reach its session. Set by CancelOnInterrupt alone.
std::atomic<Session*> interruptible = nullptr;
static_assert(std::atomic<Session*>::is_always_lock_free);

std::atomic<bool> is_noted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void cancel_session(int) {
  if (Session* session = interruptible.load()) session->cancel();
}

extern "C" void note_interrupt(int) { is_noted = true; }

// An answer that is being written goes on to its next whole token: SA_RESTART.
struct sigaction set_handler(void (*handler)(int)) {
  struct sigaction action = {};
  struct sigaction previous = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previous);
  return previous;
}

}  // namespace

NoteInterrupts::NoteInterrupts() : previous_(set_handler(note_interrupt)) {}
NoteInterrupts::~NoteInterrupts() { sigaction(SIGINT, &previous_, nullptr); }

bool interrupt_is_noted() { return is_noted; }
void forget_interrupt() { is_noted = false; }

CancelOnInterrupt::CancelOnInterrupt(Session& session) {
  interruptible = &session;
  previous_ = set_handler(cancel_session);
  if (is_noted.exchange(false)) session.cancel();
}

CancelOnInterrupt::~CancelOnInterrupt() {
  sigaction(SIGINT, &previous_, nullptr);
  interruptible = nullptr;
}

}  // namespace eddy

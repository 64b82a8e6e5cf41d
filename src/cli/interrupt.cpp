#include "cli/interrupt.h"

#include <atomic>
#include <csignal>

namespace eddy {
namespace {

// A signal handler has no other way to reach its session. Set by CancelOnInterrupt alone.
std::atomic<Session*> interruptible = nullptr;
static_assert(std::atomic<Session*>::is_always_lock_free);

extern "C" void cancel_session(int) {
  if (Session* session = interruptible.load()) session->cancel();
}

// SA_RESTART: an answer that is being written goes on to its next whole token.
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

IgnoreInterrupts::IgnoreInterrupts() : previous_(set_handler(SIG_IGN)) {}
IgnoreInterrupts::~IgnoreInterrupts() { sigaction(SIGINT, &previous_, nullptr); }

CancelOnInterrupt::CancelOnInterrupt(Session& session) {
  interruptible = &session;
  previous_ = set_handler(cancel_session);
}

CancelOnInterrupt::~CancelOnInterrupt() {
  sigaction(SIGINT, &previous_, nullptr);
  interruptible = nullptr;
}

}  // namespace eddy

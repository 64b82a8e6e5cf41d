// What a recurrent op was told, token by token: enough to make its states again.
//
// each_update_input(args, f) calls f on each of them, a ConstMat {.., n_tokens}, always in the same
// order: it is the order of their elements in a row of the log (LogRows). Who logs reads them, who
// replays sets them to the rows of a log; then the op, with an `out` that has no address, does the
// arithmetic of its step and leaves out what only its output needs. Ops without an overload keep no
// state.
#pragma once

#include "tensor/ops.h"

namespace eddy {

template <class F>
void each_update_input(ShortConvArgs& args, const F& f) {
  f(args.x);
}
template <class F>
void each_update_input(SelectiveScanArgs& args, const F& f) {
  f(args.dt);
  f(args.x);
  f(args.b);
}
template <class F>
void each_update_input(SsdScanArgs& args, const F& f) {
  f(args.dt);
  f(args.x);
  f(args.b);
}
template <class F>
void each_update_input(TokenShiftArgs& args, const F& f) {
  f(args.x);
}
template <class F>
void each_update_input(Wkv6Args& args, const F& f) {
  f(args.w);
  f(args.k);
  f(args.v);
}
template <class F>
void each_update_input(Wkv7Args& args, const F& f) {
  f(args.w);
  f(args.k);
  f(args.v);
  f(args.a);
  f(args.b);
}
// The state itself is smaller than what it is made of.
template <class F>
void each_update_input(RgLruArgs& args, const F& f) {
  if (args.h.n == 0) args.h = args.out;
  f(args.h);
}

template <class Args>
concept HasUpdateInputs = requires(Args& args) {
  each_update_input(args, [](ConstMat&) {});
};

// Where an op's update inputs begin in a row of the log: the shifts of a layer share one.
template <class Args>
std::int64_t first_logged(const Args&) {
  return 0;
}
inline std::int64_t first_logged(const TokenShiftArgs& args) { return args.first; }

}  // namespace eddy

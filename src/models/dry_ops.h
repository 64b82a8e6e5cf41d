// Ops that compute nothing: a forward pass with them says what it would call. on_call(args) is
// asked about every call.
#pragma once

#include <utility>

#include "tensor/ops.h"

namespace eddy {

template <class OnCall>
class DryOps final : public Ops {
 public:
  // `real` is the backend that the pass is for.
  DryOps(const Ops& real, OnCall on_call) : real_(real), on_call_(std::move(on_call)) {}

  const Device& device() const override { return real_.device(); }
  bool can_multiply(DType weight) const override { return real_.can_multiply(weight); }

#define EDDY_DRY(op, Args) \
  Status op(const Args& args) override { return on_call_(args); }
  EDDY_OPS(EDDY_DRY)
#undef EDDY_DRY

 private:
  const Ops& real_;
  OnCall on_call_;
};

}  // namespace eddy

// Ops that pass every call on, and report a failure of one of them after it has done its work: the
// worst moment, for its writes have happened.
#pragma once

#include "base/error.h"
#include "tensor/ops.h"

namespace eddy::laws {

class FailingOps final : public Ops {
 public:
  static constexpr const char* kMessage = "an injected failure";

  // Call number fail_at, from 0, fails.
  FailingOps(Ops& real, int fail_at) : real_(real), n_left_(fail_at) {}

  const Device& device() const override { return real_.device(); }
  bool can_multiply(DType weight) const override { return real_.can_multiply(weight); }

#define EDDY_PASS(op, Args) \
  Status op(const Args& args) override { return pass(real_.op(args)); }
  EDDY_OPS(EDDY_PASS)
#undef EDDY_PASS

 private:
  Status pass(Status status) {
    if (n_left_-- != 0) return status;
    return fail(ErrorCode::kNonFinite, "{}", kMessage);
  }

  Ops& real_;
  int n_left_;
};

}  // namespace eddy::laws

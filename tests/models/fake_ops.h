// Ops that compute nothing, for tests of what happens before the first computation.
#pragma once

#include <algorithm>
#include <vector>

#include "tensor/ops.h"

namespace eddy {

class FakeOps final : public Ops {
 public:
  std::vector<DType> computable = {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0};

  const Device& device() const override { return device_; }
  bool can_multiply(DType weight) const override {
    return std::ranges::find(computable, weight) != computable.end();
  }

#define EDDY_DO_NOTHING(op, Args) \
  Status op(const Args&) override { return {}; }
  EDDY_OPS(EDDY_DO_NOTHING)
#undef EDDY_DO_NOTHING

 private:
  struct Host final : Device {
    std::string_view name() const override { return "fake"; }
    const BufferType& buffer_type() const override { return host_buffer_type(); }
  };
  Host device_;
};

}  // namespace eddy

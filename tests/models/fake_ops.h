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

  Status embed(const EmbedArgs&) override { return {}; }
  Status select(const SelectArgs&) override { return {}; }
  Status rms_norm(const RmsNormArgs&) override { return {}; }
  Status layer_norm(const LayerNormArgs&) override { return {}; }
  Status gated_rms_norm(const GatedRmsNormArgs&) override { return {}; }
  Status linear(const LinearArgs&) override { return {}; }
  Status activate(const ActivateArgs&) override { return {}; }
  Status gate(const GateArgs&) override { return {}; }
  Status short_conv(const ShortConvArgs&) override { return {}; }
  Status selective_scan(const SelectiveScanArgs&) override { return {}; }
  Status ssd_scan(const SsdScanArgs&) override { return {}; }
  Status token_shift(const TokenShiftArgs&) override { return {}; }
  Status ddlerp(const DdlerpArgs&) override { return {}; }
  Status wkv6_decay(const Wkv6DecayArgs&) override { return {}; }
  Status wkv6(const Wkv6Args&) override { return {}; }
  Status wkv7_prepare(const Wkv7PrepareArgs&) override { return {}; }
  Status wkv7(const Wkv7Args&) override { return {}; }
  Status wkv_output(const WkvOutputArgs&) override { return {}; }
  Status soft_cap(const SoftCapArgs&) override { return {}; }
  Status rg_lru(const RgLruArgs&) override { return {}; }
  Status rope(const RopeArgs&) override { return {}; }
  Status kv_store(const KvStoreArgs&) override { return {}; }
  Status attention(const AttentionArgs&) override { return {}; }

 private:
  struct Host final : Device {
    std::string_view name() const override { return "fake"; }
    const BufferType& buffer_type() const override { return host_buffer_type(); }
  };
  Host device_;
};

}  // namespace eddy

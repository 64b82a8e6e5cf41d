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

  Status embed(const EmbedArgs& args) override { return pass(real_.embed(args)); }
  Status select(const SelectArgs& args) override { return pass(real_.select(args)); }
  Status rms_norm(const RmsNormArgs& args) override { return pass(real_.rms_norm(args)); }
  Status gated_rms_norm(const GatedRmsNormArgs& args) override {
    return pass(real_.gated_rms_norm(args));
  }
  Status linear(const LinearArgs& args) override { return pass(real_.linear(args)); }
  Status short_conv(const ShortConvArgs& args) override { return pass(real_.short_conv(args)); }
  Status selective_scan(const SelectiveScanArgs& args) override {
    return pass(real_.selective_scan(args));
  }
  Status ssd_scan(const SsdScanArgs& args) override { return pass(real_.ssd_scan(args)); }
  Status layer_norm(const LayerNormArgs& args) override { return pass(real_.layer_norm(args)); }
  Status activate(const ActivateArgs& args) override { return pass(real_.activate(args)); }
  Status gate(const GateArgs& args) override { return pass(real_.gate(args)); }
  Status token_shift(const TokenShiftArgs& args) override { return pass(real_.token_shift(args)); }
  Status ddlerp(const DdlerpArgs& args) override { return pass(real_.ddlerp(args)); }
  Status wkv6_decay(const Wkv6DecayArgs& args) override { return pass(real_.wkv6_decay(args)); }
  Status wkv6(const Wkv6Args& args) override { return pass(real_.wkv6(args)); }
  Status wkv7_prepare(const Wkv7PrepareArgs& args) override {
    return pass(real_.wkv7_prepare(args));
  }
  Status wkv7(const Wkv7Args& args) override { return pass(real_.wkv7(args)); }
  Status wkv_output(const WkvOutputArgs& args) override { return pass(real_.wkv_output(args)); }
  Status soft_cap(const SoftCapArgs& args) override { return pass(real_.soft_cap(args)); }
  Status rg_lru(const RgLruArgs& args) override { return pass(real_.rg_lru(args)); }
  Status rope(const RopeArgs& args) override { return pass(real_.rope(args)); }
  Status kv_store(const KvStoreArgs& args) override { return pass(real_.kv_store(args)); }
  Status attention(const AttentionArgs& args) override { return pass(real_.attention(args)); }

 private:
  Status pass(Status status) {
    if (n_left_-- != 0) return status;
    return fail(ErrorCode::kNonFinite, "{}", kMessage);
  }

  Ops& real_;
  int n_left_;
};

}  // namespace eddy::laws

// The time mix of RWKV-6, for the plans of RWKV-6 and QRWKV-6.
#pragma once

#include <string>

#include "make_model/plan.h"

namespace eddy::make_model {

struct Rwkv6TimeMixShape {
  std::int64_t n_embd, head_size, lerp_rank, decay_rank;
  bool has_old_lerps = false;   // five tensors in place of time_mix_lerp_fused
  bool has_typed_lerp = false;  // the matrices of the lerp in the file's type, not F32
  bool is_hybrid = false;       // QRWKV-6
  std::int64_t n_head_kv = 0;   // of the hybrid; 0: all
  bool has_biases = false;      // of the hybrid
};

void add_rwkv6_keys(Plan& plan, const std::string& architecture, const Rwkv6TimeMixShape& s);
void add_rwkv6_time_mix(Plan& plan, const Rwkv6TimeMixShape& s, std::int64_t il, DType type);

}  // namespace eddy::make_model

// The time mix of RWKV-7, for the plans of RWKV-7 and ARWKV-7.
#pragma once

#include <string>

#include "make_model/plan.h"

namespace eddy::make_model {

struct Rwkv7TimeMixShape {
  std::int64_t n_embd, head_size;
  std::int64_t decay_rank, rate_rank, value_rank, gate_rank;  // gate_rank 0: no gate
  bool has_norm = true;
};

void add_rwkv7_keys(Plan& plan, const std::string& architecture, const Rwkv7TimeMixShape& s);
void add_rwkv7_time_mix(Plan& plan, const Rwkv7TimeMixShape& s, std::int64_t il, DType type);

}  // namespace eddy::make_model

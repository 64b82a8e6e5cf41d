// The recurrences in double, one token at a time.
#pragma once

#include "reference/blocks.h"

namespace eddy::reference {

// Mamba's selective scan (Gu & Dao 2023, algorithm 2) with the skip, without the gate.
// x, dt, dt_bias, skip {d_inner}; b, c {d_state}; a, s {d_state, d_inner}. s is updated.
struct SelectiveScan {
  const Vector& x;
  const Vector& dt;  // before bias and softplus
  const Vector& b;
  const Vector& c;
  const Vector& dt_bias;
  const Vector& a;
  const Vector& skip;
};
Vector selective_scan(const SelectiveScan& args, Vector& s, Noise& noise);

// Mamba-2's recurrence (Dao & Gu 2024) with the skip. x {head_dim, n_head}; dt, dt_bias, a, skip
// {n_head}; b, c {d_state, n_group}; s {d_state, head_dim, n_head}, updated.
struct SsdScan {
  const Vector& x;
  const Vector& dt;  // before bias and softplus
  const Vector& b;
  const Vector& c;
  const Vector& dt_bias;
  const Vector& a;
  const Vector& skip;
  std::size_t n_group;
};
Vector ssd_scan(const SsdScan& args, Vector& s, Noise& noise);

}  // namespace eddy::reference

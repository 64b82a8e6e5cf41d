// What eddy bench measured: as a row of its table, and as a chart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/bench_table.h"
#include "cpu/machine.h"
#include "models/model.h"

namespace eddy {

// What one token asks of the machine at least.
struct TokenWork {
  double bytes = 0;  // read: its share of the weights, and its state
  MultiplyAdds multiply_adds;
};

struct Measured {
  std::string test;           // "prefill" or "decode"
  std::int64_t n_tokens = 0;  // of each sequence
  std::uint32_t n_seqs = 1;
  int n_threads = 0;
  std::string isa;
  double tokens_per_s = 0;  // median over the repetitions, all sequences together
  double slowest = 0;       // tokens/s of the slowest and the fastest repetition
  double fastest = 0;
  TokenWork work;
  MachineSpeed machine;  // with these threads

  // Seconds that a token takes at least.
  double memory_s() const { return work.bytes / machine.read_bytes_per_s; }
  double compute_s() const {
    return work.multiply_adds.int8 / machine.int8_macs_per_s +
           work.multiply_adds.f32 / machine.f32_macs_per_s;
  }

  TableRow row() const;
};

// SVG: tokens/s over the number of sequences decoded together, and the roofline: multiply-adds per
// second over multiply-adds per byte, of what was measured and of what the machine could do.
std::string bench_chart(const std::vector<Measured>& all);

}  // namespace eddy

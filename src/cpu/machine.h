// What this machine can do at best, measured: the yardstick for `eddy bench` and bench/.
//
// Threading: starts its own threads; do not measure anything else at the same time.
#pragma once

#include <string>

namespace eddy {

struct MachineSpeed {
  double read_bytes_per_s = 0;  // from memory, beyond all caches
  double f32_macs_per_s = 0;    // fused multiply-adds of registers
  double int8_macs_per_s = 0;   // signed int8 products summed in int32, from the nearest cache
};

// With n_threads threads and the best instruction set; the best of several rounds, about half a
// second in all. 0: one thread for each physical core.
MachineSpeed measure_machine(int n_threads);

// The better of two measurements in each: others may have used the machine during one of them.
MachineSpeed best_of(const MachineSpeed& a, const MachineSpeed& b);

// The CPU's name as the operating system gives it, or "unknown".
std::string cpu_name();

}  // namespace eddy

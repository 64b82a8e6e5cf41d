// The ops at the shapes of mamba-130m and mamba2-130m, on one thread and on all, next to what the
// machine can do at best. A case must give the bits of the plain instruction set before it is
// timed.
//
//   build/release/bench/ops_bench --benchmark_filter=linear/Q8_0 --benchmark_repetitions=5
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>

#include "base/threads.h"
#include "cpu/cpu_ops.h"
#include "cpu/isa.h"
#include "cpu/machine.h"
#include "cpu/support/op_cases.h"

namespace eddy::test {
namespace {

void measure(benchmark::State& state, const OpCase& c, int n_threads, const MachineSpeed& machine) {
  const auto ops = make_cpu_ops({.n_threads = n_threads}).value();
  const auto plain = make_cpu_ops({.n_threads = n_threads, .isa = "plain"}).value();
  if (run(c, *ops, all_at_once(c)) != run(c, *plain, all_at_once(c))) {
    return state.SkipWithError("differs from the plain instruction set");
  }
  RepeatedCall repeated(c);
  for (auto _ : state) {
    if (!repeated.call(*ops)) return state.SkipWithError("the op failed");
  }
  const OpCaseShape& shape = c.shape();
  const double n_tokens = static_cast<double>(shape.n_seqs) * shape.n_tokens;
  const double state_bytes =
      2.0 * static_cast<double>(row_bytes(shape.state_type, shape.n_state).value()) * shape.n_seqs;
  const double bytes = shape.n_weight_bytes + state_bytes;
  const auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["bytes/s"] = benchmark::Counter(bytes, rate);
  state.counters["bandwidth"] = benchmark::Counter(bytes / machine.read_bytes_per_s, rate);
  if (shape.n_multiply_adds == 0) return;
  const double macs = shape.n_multiply_adds * n_tokens;
  state.counters["f32_peak"] = benchmark::Counter(macs / machine.f32_macs_per_s, rate);
  state.counters["int8_peak"] = benchmark::Counter(macs / machine.int8_macs_per_s, rate);
}

void register_cases(int n_threads) {
  static const OpCases cases = model_op_cases();
  const MachineSpeed machine = measure_machine(n_threads);
  fmt::print("{}, {}, {} threads, " __VERSION__
             ": reads {:.1f} GB/s, {:.0f} G F32 and {:.0f} G "
             "int8 multiply-adds/s\n",
             cpu_name(), isa_name(available_isas().back()), n_threads,
             machine.read_bytes_per_s * 1e-9, machine.f32_macs_per_s * 1e-9,
             machine.int8_macs_per_s * 1e-9);
  for (const auto& c : cases) {
    const std::string name = fmt::format("{}/t{}", c->shape().name, n_threads);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [&c, n_threads, machine](benchmark::State& state) {
                                   measure(state, *c, n_threads, machine);
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

}  // namespace
}  // namespace eddy::test

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  eddy::test::register_cases(1);
  if (const int n = eddy::n_physical_cores(); n > 1) eddy::test::register_cases(n);
  benchmark::RunSpecifiedBenchmarks();
}

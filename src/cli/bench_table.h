// Results of `eddy bench` as markdown, CSV or JSON lines.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace eddy {

enum class TableFormat { kMarkdown, kCsv, kJson };

struct BenchRow {
  std::string test;           // "prefill" or "decode"
  std::int64_t n_tokens = 0;  // of each sequence
  std::uint32_t n_seqs = 1;
  int n_threads = 0;
  std::string isa;
  double tokens_per_s = 0;  // median over the repetitions, all sequences together
  double slowest = 0;       // tokens/s of the slowest and the fastest repetition
  double fastest = 0;
  double bandwidth_share = 0;  // (weights + states) read per second over what the machine reads
  double f32_share = 0;        // multiply-adds per second over the machine's peak in F32
  double int8_share = 0;       // the same over its peak in int8
};

std::string format_header(TableFormat format);
std::string format_row(TableFormat format, const BenchRow& row);

}  // namespace eddy

#include "cli/bench_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace eddy {
namespace {

constexpr const char* kColumns[] = {
    "test",    "n_tokens", "n_seqs",          "threads",   "isa",       "tokens_per_s",
    "slowest", "fastest",  "bandwidth_share", "f32_share", "int8_share"};

std::vector<std::string> cells(const BenchRow& row) {
  return {row.test,
          fmt::format("{}", row.n_tokens),
          fmt::format("{}", row.n_seqs),
          fmt::format("{}", row.n_threads),
          row.isa,
          fmt::format("{:.2f}", row.tokens_per_s),
          fmt::format("{:.2f}", row.slowest),
          fmt::format("{:.2f}", row.fastest),
          fmt::format("{:.3f}", row.bandwidth_share),
          fmt::format("{:.3f}", row.f32_share),
          fmt::format("{:.3f}", row.int8_share)};
}

std::string json_line(const BenchRow& row) {
  const nlohmann::ordered_json line = {{"test", row.test},
                                       {"n_tokens", row.n_tokens},
                                       {"n_seqs", row.n_seqs},
                                       {"threads", row.n_threads},
                                       {"isa", row.isa},
                                       {"tokens_per_s", row.tokens_per_s},
                                       {"slowest", row.slowest},
                                       {"fastest", row.fastest},
                                       {"bandwidth_share", row.bandwidth_share},
                                       {"f32_share", row.f32_share},
                                       {"int8_share", row.int8_share}};
  return line.dump() + "\n";
}

}  // namespace

std::string format_header(TableFormat format) {
  switch (format) {
    case TableFormat::kJson: return {};
    case TableFormat::kCsv: return fmt::format("{}\n", fmt::join(kColumns, ","));
    case TableFormat::kMarkdown: break;
  }
  std::string line = fmt::format("| {} |\n|", fmt::join(kColumns, " | "));
  for (std::size_t i = 0; i < std::size(kColumns); ++i) line += " --- |";
  return line + "\n";
}

std::string format_row(TableFormat format, const BenchRow& row) {
  switch (format) {
    case TableFormat::kJson: return json_line(row);
    case TableFormat::kCsv: return fmt::format("{}\n", fmt::join(cells(row), ","));
    case TableFormat::kMarkdown: break;
  }
  return fmt::format("| {} |\n", fmt::join(cells(row), " | "));
}

}  // namespace eddy

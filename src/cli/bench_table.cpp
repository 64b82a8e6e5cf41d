#include "cli/bench_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace eddy {
namespace {

std::string text_of(const TableCell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell.value)) return *text;
  if (const auto* n = std::get_if<std::int64_t>(&cell.value)) return fmt::format("{}", *n);
  return fmt::format("{:.{}f}", std::get<double>(cell.value), cell.n_decimals);
}

std::string json_line(const TableRow& row) {
  nlohmann::ordered_json line;
  for (const TableCell& cell : row) {
    std::visit([&](const auto& value) { line[std::string(cell.column)] = value; }, cell.value);
  }
  return line.dump() + "\n";
}

}  // namespace

const std::map<std::string, TableFormat>& table_formats() {
  static const std::map<std::string, TableFormat> kFormats = {
      {"md", TableFormat::kMarkdown}, {"csv", TableFormat::kCsv}, {"json", TableFormat::kJson}};
  return kFormats;
}

std::string format_header(TableFormat format, const TableRow& row) {
  if (format == TableFormat::kJson) return {};
  std::vector<std::string_view> columns;
  for (const TableCell& cell : row) columns.push_back(cell.column);
  if (format == TableFormat::kCsv) return fmt::format("{}\n", fmt::join(columns, ","));
  std::string line = fmt::format("| {} |\n|", fmt::join(columns, " | "));
  for (std::size_t i = 0; i < columns.size(); ++i) line += " --- |";
  return line + "\n";
}

std::string format_row(TableFormat format, const TableRow& row) {
  if (format == TableFormat::kJson) return json_line(row);
  std::vector<std::string> texts;
  for (const TableCell& cell : row) texts.push_back(text_of(cell));
  if (format == TableFormat::kCsv) return fmt::format("{}\n", fmt::join(texts, ","));
  return fmt::format("| {} |\n", fmt::join(texts, " | "));
}

}  // namespace eddy

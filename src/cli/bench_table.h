// Results of `eddy bench` as markdown, CSV or JSON lines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace eddy {

enum class TableFormat { kMarkdown, kCsv, kJson };

// The formats by the names that --format takes.
const std::map<std::string, TableFormat>& table_formats();

// A named value of a row. Tables show n_decimals of a double, JSON all of it.
struct TableCell {
  std::string_view column;
  std::variant<std::string, std::int64_t, double> value;
  int n_decimals = 2;
};
using TableRow = std::vector<TableCell>;

// What stands above rows like this one; empty in JSON, where each row names its columns.
std::string format_header(TableFormat format, const TableRow& row);
std::string format_row(TableFormat format, const TableRow& row);

}  // namespace eddy

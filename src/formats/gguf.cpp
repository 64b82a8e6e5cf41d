#include "formats/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_parser.h"
#include "formats/gguf_split.h"

namespace eddy {
namespace {

// The indices of rows, in order of what `key` gives for them.
template <class Rows, class Key>
std::vector<std::uint32_t> sorted_indices(const Rows& rows, Key key) {
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, [&](std::uint32_t i) { return rows[i].*key; });
  return order;
}

// nullptr if no row has this key.
template <class Row, class Key>
const Row* find_row(const std::vector<Row>& rows, const std::vector<std::uint32_t>& order, Key key,
                    std::string_view wanted) {
  const auto at =
      std::ranges::lower_bound(order, wanted, {}, [&](std::uint32_t i) { return rows[i].*key; });
  return at != order.end() && rows[*at].*key == wanted ? &rows[*at] : nullptr;
}

template <class Row, class Key>
Status check_unique(const std::vector<Row>& rows, const std::vector<std::uint32_t>& order, Key key,
                    const char* what) {
  const auto twice =
      std::ranges::adjacent_find(order, {}, [&](std::uint32_t i) { return rows[i].*key; });
  if (twice == order.end()) return {};
  return fail(ErrorCode::kMalformed, "{}: this {} is there twice", printable(rows[*twice].*key),
              what);
}

}  // namespace

Result<GgufFile> GgufFile::open(FileSystem& fs, const std::string& path) {
  EDDY_TRY_ASSIGN(MappedFile mapped, MappedFile::open(fs, path));
  EDDY_TRY_ASSIGN(GgufFile file, parse(mapped.bytes(), path));
  file.files_.push_back(std::move(mapped));
  return GgufSplit::complete(fs, std::move(file));
}

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, std::string name) {
  Result<GgufTables> tables = parse_gguf(bytes);
  if (!tables) return prefixed(name, std::move(tables).error());
  GgufFile file;
  file.name_ = std::move(name);
  file.version_ = tables->version;
  file.alignment_ = tables->alignment;
  file.entries_ = std::move(tables->entries);
  file.tensors_ = std::move(tables->tensors);
  EDDY_TRY(file.index());
  return file;
}

Status GgufFile::index() {
  entries_by_key_ = sorted_indices(entries_, &GgufEntry::key);
  tensors_by_name_ = sorted_indices(tensors_, &GgufTensor::name);
  Status status = check_unique(entries_, entries_by_key_, &GgufEntry::key, "key");
  if (status) status = check_unique(tensors_, tensors_by_name_, &GgufTensor::name, "tensor");
  return status ? status : prefixed(name_, status.error());
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const GgufEntry* entry = find_row(entries_, entries_by_key_, &GgufEntry::key, key);
  return entry ? &entry->value : nullptr;
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  return find_row(tensors_, tensors_by_name_, &GgufTensor::name, name);
}

void GgufFile::prefetch() const {
  for (const MappedFile& file : files_) file.prefetch();
}

template <class T>
Result<T> GgufFile::get(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) {
    return fail(ErrorCode::kNotFound, "{}: {}: missing, expected {}", name_, key,
                gguf_expected_text<T>());
  }
  Result<T> converted = gguf_value_as<T>(*value);
  if (converted) return converted;
  return prefixed(fmt::format("{}: {}", name_, key), std::move(converted).error());
}

template <class T>
Result<T> GgufFile::get_or(std::string_view key, T fallback) const {
  return find(key) ? get<T>(key) : Result<T>(std::move(fallback));
}

template <class T>
Result<std::vector<T>> GgufFile::per_layer(std::string_view key, std::int64_t n_layer) const {
  const GgufValue* value = find(key);
  const auto n = static_cast<std::size_t>(n_layer);
  if (!value || !std::holds_alternative<GgufArray>(*value)) {
    EDDY_TRY_ASSIGN(const T for_all, get<T>(key));
    return std::vector<T>(n, for_all);
  }
  EDDY_TRY_ASSIGN(std::vector<T> values, get<std::vector<T>>(key));
  if (values.size() == n) return values;
  return fail(ErrorCode::kMalformed, "{}: {}: {} elements, expected one for each of {} layers",
              name_, key, values.size(), n_layer);
}

#define EDDY_GGUF_GET(T)                                       \
  template Result<T> GgufFile::get<T>(std::string_view) const; \
  template Result<T> GgufFile::get_or<T>(std::string_view, T) const;
#define EDDY_GGUF_GETS(T)       \
  EDDY_GGUF_GET(T)              \
  EDDY_GGUF_GET(std::vector<T>) \
  template Result<std::vector<T>> GgufFile::per_layer<T>(std::string_view, std::int64_t) const;
EDDY_GGUF_GET(bool)
EDDY_GGUF_GETS(std::int32_t)
EDDY_GGUF_GETS(std::uint32_t)
EDDY_GGUF_GETS(std::int64_t)
EDDY_GGUF_GETS(std::uint64_t)
EDDY_GGUF_GETS(float)
EDDY_GGUF_GETS(double)
EDDY_GGUF_GETS(std::string_view)
#undef EDDY_GGUF_GETS
#undef EDDY_GGUF_GET

}  // namespace eddy

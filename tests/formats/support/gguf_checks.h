// What holds of every GGUF file that was accepted; for the tests and the fuzz target. Each check
// gives what is wrong, or nothing.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"

namespace eddy::test {

__extension__ using Wide = unsigned __int128;

inline bool lies_inside(const void* first, std::size_t n, std::span<const std::byte> bytes) {
  const auto* const at = static_cast<const std::byte*>(first);
  return n == 0 || (at >= bytes.data() && at + n <= bytes.data() + bytes.size());
}

// I1, and that all is found by its name.
inline std::string wrong_names(const GgufFile& file) {
  std::set<std::string_view> keys;
  for (const GgufEntry& entry : file.entries()) {
    if (entry.key.empty() || !keys.insert(entry.key).second) return "a key is empty or not unique";
    if (file.find(entry.key) != &entry.value) return "a key is not found";
  }
  std::set<std::string_view> names;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.name.empty() || !names.insert(tensor.name).second) return "a name is not unique";
    if (file.find_tensor(tensor.name) != &tensor) return "a tensor is not found";
  }
  return {};
}

inline std::string wrong_value(const GgufValue& value, std::span<const std::byte> bytes) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    return lies_inside(text->data(), text->size(), bytes) ? "" : "a string lies outside";
  }
  const auto* array = std::get_if<GgufArray>(&value);
  if (!array) return {};
  if (!lies_inside(array->bytes.data(), array->bytes.size(), bytes)) return "an array lies outside";
  if (array->type == GgufType::kArray) return "an array of arrays";
  if (array->type == GgufType::kString) {
    const auto texts = gguf_value_as<std::vector<std::string_view>>(value);
    if (!texts.ok() || texts->size() != array->size) return "strings cannot be read";
    std::size_t n_bytes = 0;
    for (const std::string_view text : *texts) n_bytes += 8 + text.size();
    return n_bytes == array->bytes.size() ? "" : "strings have other bytes";
  }
  const bool fits = array->bytes.size() == array->size * gguf_type_bytes(array->type);
  return fits ? "" : "an array has other bytes";
}

// I2, but for the overlaps.
inline std::string wrong_tensor(const GgufTensor& tensor, std::span<const std::byte> bytes,
                                std::uint64_t alignment) {
  if (tensor.n_dims < 1 || tensor.n_dims > 4) return "extents";
  for (int d = 0; d < 4; ++d) {
    const std::int64_t extent = tensor.ne[static_cast<std::size_t>(d)];
    if (extent < 1 || (d >= tensor.n_dims && extent != 1)) return "an extent";
  }
  const DTypeInfo& info = dtype_info(tensor.type);
  const auto n_row = static_cast<std::uint64_t>(tensor.ne[0]);
  if (n_row % info.block_elems != 0) return "rows of no whole blocks";
  Wide n_bytes = Wide{n_row / info.block_elems} * info.block_bytes;
  for (std::size_t d = 1; d < 4; ++d) n_bytes *= static_cast<std::uint64_t>(tensor.ne[d]);
  if (n_bytes != tensor.data.size()) return "other bytes than its extents take";
  if (!lies_inside(tensor.data.data(), tensor.data.size(), bytes)) return "data outside the file";
  const auto offset = static_cast<std::uint64_t>(tensor.data.data() - bytes.data());
  return offset % alignment == 0 ? "" : "data that is not aligned";
}

// I1 and I2 of a file of one part.
inline std::string broken_invariant(const GgufFile& file, std::span<const std::byte> bytes) {
  if (std::string wrong = wrong_names(file); !wrong.empty()) return wrong;
  for (const GgufEntry& entry : file.entries()) {
    if (std::string wrong = wrong_value(entry.value, bytes); !wrong.empty()) return wrong;
  }
  std::vector<std::span<const std::byte>> ranges;
  for (const GgufTensor& tensor : file.tensors()) {
    const std::string wrong = wrong_tensor(tensor, bytes, file.alignment());
    if (!wrong.empty()) return wrong;
    ranges.push_back(tensor.data);
  }
  std::ranges::sort(ranges, {}, [](const auto& range) { return range.data(); });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i - 1].data() + ranges[i - 1].size() > ranges[i].data()) return "data overlaps";
  }
  return {};
}

// Every get of a key, with every type; how many went well.
inline int read_as_everything(const GgufFile& file, std::string_view key) {
  const auto numbers = [&]<class... T>(std::pair<T, int>...) {
    return (0 + ... +
            (file.get<T>(key).ok() + file.get<std::vector<T>>(key).ok() +
             file.get_or<T>(key, T{}).ok() + file.per_layer<T>(key, 2).ok()));
  };
  return file.get<bool>(key).ok() +
         numbers(std::pair<std::int32_t, int>(), std::pair<std::uint32_t, int>(),
                 std::pair<std::int64_t, int>(), std::pair<std::uint64_t, int>(),
                 std::pair<float, int>(), std::pair<double, int>(),
                 std::pair<std::string_view, int>());
}

inline bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::ranges::equal(a, b);
}

// Equal type and bits, so that NaN equals itself.
inline bool same_value(const GgufValue& a, const GgufValue& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&]<class T>(const T& x) {
        const T& y = std::get<T>(b);
        if constexpr (std::is_same_v<T, GgufArray>) {
          return x.type == y.type && x.size == y.size && same_bytes(x.bytes, y.bytes);
        } else if constexpr (std::is_same_v<T, std::string_view>) {
          return x == y;
        } else {
          return std::memcmp(&x, &y, sizeof x) == 0;
        }
      },
      a);
}

// What distinguishes the tables and data of two files, but for the version.
inline std::string difference(const GgufFile& a, const GgufFile& b) {
  if (a.alignment() != b.alignment()) return "the alignment";
  if (a.entries().size() != b.entries().size()) return "the number of entries";
  if (a.tensors().size() != b.tensors().size()) return "the number of tensors";
  for (std::size_t i = 0; i < a.entries().size(); ++i) {
    const GgufEntry& x = a.entries()[i];
    const GgufEntry& y = b.entries()[i];
    if (x.key != y.key || !same_value(x.value, y.value)) return fmt::format("entry {}", i);
  }
  for (std::size_t i = 0; i < a.tensors().size(); ++i) {
    const GgufTensor& x = a.tensors()[i];
    const GgufTensor& y = b.tensors()[i];
    if (x.name != y.name || x.ne != y.ne || x.n_dims != y.n_dims || x.type != y.type ||
        !same_bytes(x.data, y.data)) {
      return fmt::format("tensor {}", i);
    }
  }
  return {};
}

// The same tables and data, written anew.
inline Result<std::vector<std::byte>> rewrite(const GgufFile& file) {
  GgufWriter writer;
  for (const GgufEntry& entry : file.entries()) writer.add(entry.key, entry.value);
  for (const GgufTensor& tensor : file.tensors()) {
    writer.add_tensor({std::string(tensor.name),
                       tensor.type,
                       {tensor.ne.begin(), tensor.ne.begin() + tensor.n_dims}});
  }
  std::vector<std::byte> out;
  const Status written = writer.write(
      [&](std::span<const std::byte> piece) -> Status {
        out.insert(out.end(), piece.begin(), piece.end());
        return {};
      },
      [&](std::size_t i, const GgufSink& sink) { return sink(file.tensors()[i].data); });
  if (!written) return written.error();
  return out;
}

// The error of writing and reading the file again, or what is different then.
inline std::string changed_by_rewriting(const GgufFile& file) {
  const auto written = rewrite(file);
  if (!written) return written.error().message;
  const auto again = GgufFile::parse(*written, "again");
  return again ? difference(file, *again) : again.error().message;
}

}  // namespace eddy::test

#include "models/init_state.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/try.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "tensor/decode.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

static_assert(std::endian::native == std::endian::little, "the digest is of little-endian floats");

// A tensor of either format.
struct Found {
  std::string_view name;
  std::string_view type;
  std::vector<std::int64_t> shape;  // the last extent contiguous
  std::span<const std::byte> data;
};

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// `bytes` outlive what is found; names and types lie in `file`.
Result<std::vector<Found>> list(const GgufFile& file) {
  std::vector<Found> found;
  for (const GgufTensor& t : file.tensors()) {
    std::vector<std::int64_t> shape(t.ne.begin(), t.ne.begin() + t.n_dims);
    std::ranges::reverse(shape);
    found.push_back({t.name, dtype_name(t.type), std::move(shape), t.data});
  }
  return found;
}

Result<std::vector<Found>> list(const Safetensors& file) {
  std::vector<Found> found;
  for (const SafeTensor& t : file.tensors()) {
    found.push_back({t.name, safe_type_info(t.type).name, t.shape, t.data});
  }
  return found;
}

std::optional<DType> float_type(std::string_view name) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    if (name == dtype_name(type)) return type;
  }
  return std::nullopt;
}

// What the tensors of a model's file must be.
struct Squares {
  std::int64_t n_layer, n_head, head_size;

  std::vector<std::int64_t> shape() const { return {n_head, head_size, head_size}; }
  std::size_t n_elems() const { return static_cast<std::size_t>(n_head * head_size * head_size); }
};

std::string name_of(std::int64_t layer) { return fmt::format("blocks.{}.att.time_state", layer); }

Result<std::vector<float>> values_of(const Found& tensor, const Squares& expected) {
  if (tensor.shape != expected.shape()) {
    return fail(ErrorCode::kMalformed, "{}: shape {{{}}}, expected {{{}}}", tensor.name,
                fmt::join(tensor.shape, ", "), fmt::join(expected.shape(), ", "));
  }
  const auto type = float_type(tensor.type);
  if (!type) {
    return fail(ErrorCode::kUnsupported, "{}: element type {}, expected F32, F16 or BF16",
                tensor.name, tensor.type);
  }
  std::vector<float> values(expected.n_elems());
  decode(*type, tensor.data.data(), values);
  const auto bad = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return values;
  return fail(ErrorCode::kNonFinite, "{}: element {} is {}, expected a finite number", tensor.name,
              bad - values.begin(), *bad);
}

// From {head, value, key} to the order of a row of R.
std::vector<float> to_row(std::span<const float> values, const Squares& squares) {
  const std::int64_t n = squares.head_size;
  const std::uint64_t n_head_elems = wkv_state_elems(1, n);
  std::vector<float> row(wkv_state_elems(squares.n_head, n));
  std::size_t at = 0;
  for (std::int64_t head = 0; head < squares.n_head; ++head) {
    float* square = row.data() + static_cast<std::uint64_t>(head) * n_head_elems;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) square[wkv_state_index(n, i, j)] = values[at++];
    }
  }
  return row;
}

Result<InitRows> read_rows(std::span<const Found> tensors, const Squares& squares) {
  InitRows rows;
  Checksum digest;
  for (std::int64_t il = 0; il < squares.n_layer; ++il) {
    const auto tensor = std::ranges::find(tensors, name_of(il), &Found::name);
    if (tensor == tensors.end()) {
      return fail(ErrorCode::kMalformed, "{}: missing, expected one for each of {} layers",
                  name_of(il), squares.n_layer);
    }
    EDDY_TRY_ASSIGN(const auto values, values_of(*tensor, squares));
    digest.add(std::as_bytes(std::span(values)));
    rows.r.push_back(to_row(values, squares));
  }
  rows.digest = digest.sum128();
  if (std::ssize(tensors) == squares.n_layer) return rows;
  // One that nobody reads would have been trained in vain: say so.
  for (const Found& tensor : tensors) {
    bool is_known = false;
    for (std::int64_t il = 0; il < squares.n_layer; ++il) is_known |= tensor.name == name_of(il);
    if (is_known) continue;
    return fail(ErrorCode::kMalformed, "{}: unexpected, expected {} .. {} and nothing else",
                printable(tensor.name), name_of(0), name_of(squares.n_layer - 1));
  }
  return rows;
}

template <class File>
Result<InitRows> read_file(const Result<File>& file, const std::string& path,
                           const Squares& squares) {
  if (!file) return file.error();
  EDDY_TRY_ASSIGN(const auto tensors, list(*file));
  auto rows = read_rows(tensors, squares);
  if (!rows) return prefixed(path, rows.error());
  return rows;
}

}  // namespace

Result<InitRows> read_init_state(FileSystem& fs, const std::string& path, const Model& model) {
  const std::int64_t head_size = model.wkv_head_size();
  if (head_size == 0) {
    return fail(ErrorCode::kUnsupported,
                "{}: {} models have no initial states, expected rwkv6, rwkv7 or their kin", path,
                model.info().architecture);
  }
  const Squares squares = {.n_layer = model.info().n_layer,
                           .n_head = model.info().n_embd / head_size,
                           .head_size = head_size};
  EDDY_TRY_ASSIGN(const MappedFile mapped, MappedFile::open(fs, path));
  if (begins_with(mapped.bytes(), "GGUF")) {
    return read_file(GgufFile::parse(mapped.bytes(), path), path, squares);
  }
  if (begins_with(mapped.bytes(), "PK")) {
    return fail(ErrorCode::kUnsupported,
                "{}: a .pth file is a program of Python's; expected its tensors as safetensors or "
                "GGUF",
                path);
  }
  return read_file(Safetensors::parse(mapped.bytes(), path), path, squares);
}

}  // namespace eddy

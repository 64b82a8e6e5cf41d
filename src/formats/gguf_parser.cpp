#include "formats/gguf_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"
#include "formats/cursor.h"
#include "formats/gguf_limits.h"
#include "formats/gguf_tensor_bytes.h"

namespace eddy {
namespace {

// What the smallest entry, and the smallest tensor with its data, take in a file: a count that
// needs more than the bytes left is refused before memory is taken for it.
constexpr std::uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8 + 1;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class GgufParser {
 public:
  explicit GgufParser(std::span<const std::byte> bytes) : bytes_(bytes), cursor_(bytes) {}

  Result<GgufTables> parse() {
    EDDY_TRY(header());
    EDDY_TRY(check_count("metadata entries", n_entries_, kGgufMaxEntries, kMinEntryBytes));
    tables_.entries.reserve(static_cast<std::size_t>(n_entries_));
    for (std::uint64_t i = 0; i < n_entries_; ++i) EDDY_TRY(entry(i));
    EDDY_TRY(alignment());
    EDDY_TRY(check_count("tensors", n_tensors_, kGgufMaxTensors, kMinTensorBytes));
    tables_.tensors.reserve(static_cast<std::size_t>(n_tensors_));
    ends_.reserve(static_cast<std::size_t>(n_tensors_));
    for (std::uint64_t i = 0; i < n_tensors_; ++i) EDDY_TRY(tensor(i));
    EDDY_TRY(place_tensors());
    return std::move(tables_);
  }

 private:
  template <class T>
  Result<T> number(std::string_view what) {
    const std::optional<T> taken = cursor_.number<T>();
    if (!taken) return cut(what, sizeof(T));
    return *taken;
  }

  Error cut(std::string_view what, std::uint64_t n_expected) const {
    return fail(ErrorCode::kMalformed, "{}: {} bytes left at byte {}, expected {}", what,
                cursor_.left(), cursor_.position(), n_expected);
  }

  Result<std::string_view> string(std::string_view what, std::uint64_t max_bytes) {
    EDDY_TRY_ASSIGN(const auto n, number<std::uint64_t>(what));
    if (n > max_bytes) {
      return fail(ErrorCode::kMalformed, "{}: {} bytes long, expected at most {}", what, n,
                  max_bytes);
    }
    const auto taken = cursor_.take(n);
    if (!taken) return cut(what, n);
    return as_text(*taken);
  }

  // A key or a tensor's name.
  Result<std::string_view> label(std::string_view what, std::uint64_t max_bytes) {
    EDDY_TRY_ASSIGN(const auto text, string(what, max_bytes));
    if (text.empty()) return fail(ErrorCode::kMalformed, "{}: empty", what);
    return text;
  }

  Status header() {
    const auto magic = cursor_.take(kGgufMagic.size());
    if (!magic || as_text(*magic) != kGgufMagic) {
      return fail(
          ErrorCode::kMalformed, "starts with \"{}\", expected \"{}\": this is no GGUF file",
          printable(as_text(bytes_.first(std::min<std::size_t>(bytes_.size(), 4)))), kGgufMagic);
    }
    EDDY_TRY_ASSIGN(tables_.version, number<std::uint32_t>("version"));
    EDDY_TRY(check_version());
    EDDY_TRY_ASSIGN(n_tensors_, number<std::uint64_t>("number of tensors"));
    EDDY_TRY_ASSIGN(n_entries_, number<std::uint64_t>("number of metadata entries"));
    return {};
  }

  Status check_version() const {
    const std::uint32_t version = tables_.version;
    if (version == 2 || version == 3) return {};
    if (version != 0 && (version & 0xFFFF) == 0) {
      return fail(ErrorCode::kUnsupported, "a big-endian file, expected a little-endian one");
    }
    return fail(ErrorCode::kUnsupported, "version {}, expected 2 or 3", version);
  }

  Status check_count(std::string_view what, std::uint64_t n, std::uint64_t most,
                     std::uint64_t n_min_bytes) const {
    if (n > most) return fail(ErrorCode::kMalformed, "{} {}, expected at most {}", n, what, most);
    if (n > cursor_.left() / n_min_bytes) {
      return fail(ErrorCode::kMalformed, "{} {}, but only {} bytes follow", n, what,
                  cursor_.left());
    }
    return {};
  }

  Status entry(std::uint64_t i) {
    EDDY_TRY_ASSIGN(const auto key, label(fmt::format("key {}", i), kGgufMaxKeyBytes));
    Result<GgufValue> parsed = value();
    if (!parsed) return prefixed(printable(key), std::move(parsed).error());
    tables_.entries.push_back({key, *parsed});
    return {};
  }

  Result<GgufType> type(std::string_view what) {
    EDDY_TRY_ASSIGN(const auto id, number<std::uint32_t>(what));
    if (id < kGgufTypeCount) return static_cast<GgufType>(id);
    return fail(ErrorCode::kMalformed, "{} {}, expected 0 .. {}", what, id, kGgufTypeCount - 1);
  }

  Result<GgufValue> value() {
    EDDY_TRY_ASSIGN(const GgufType kind, type("value type"));
    switch (kind) {
      case GgufType::kU8: return scalar<std::uint8_t>();
      case GgufType::kI8: return scalar<std::int8_t>();
      case GgufType::kU16: return scalar<std::uint16_t>();
      case GgufType::kI16: return scalar<std::int16_t>();
      case GgufType::kU32: return scalar<std::uint32_t>();
      case GgufType::kI32: return scalar<std::int32_t>();
      case GgufType::kF32: return scalar<float>();
      case GgufType::kU64: return scalar<std::uint64_t>();
      case GgufType::kI64: return scalar<std::int64_t>();
      case GgufType::kF64: return scalar<double>();
      case GgufType::kBool: return boolean();
      case GgufType::kString: {
        EDDY_TRY_ASSIGN(const auto text, string("string", kGgufMaxStringBytes));
        return GgufValue(text);
      }
      case GgufType::kArray: return array();
    }
    return fail(ErrorCode::kMalformed, "unknown value type");
  }

  template <class T>
  Result<GgufValue> scalar() {
    EDDY_TRY_ASSIGN(const T taken, number<T>("value"));
    return GgufValue(taken);
  }

  Result<GgufValue> boolean() {
    EDDY_TRY_ASSIGN(const auto byte, number<std::uint8_t>("bool"));
    EDDY_TRY(check_bool(byte));
    return GgufValue(byte != 0);
  }

  static Status check_bool(std::uint8_t byte) {
    if (byte <= 1) return {};
    return fail(ErrorCode::kMalformed, "bool: {}, expected 0 or 1", byte);
  }

  Result<GgufValue> array() {
    EDDY_TRY_ASSIGN(const GgufType kind, type("element type"));
    if (kind == GgufType::kArray) {
      return fail(ErrorCode::kMalformed, "an array of arrays, expected an array of values");
    }
    EDDY_TRY_ASSIGN(const auto n, number<std::uint64_t>("number of elements"));
    // A string takes at least the bytes of its length.
    const std::uint64_t n_min_bytes = kind == GgufType::kString ? 8 : gguf_type_bytes(kind);
    EDDY_TRY(check_count("elements", n, kGgufMaxElements, n_min_bytes));
    const std::uint64_t first = cursor_.position();
    EDDY_TRY(elements(kind, n));
    return GgufValue(GgufArray{kind, n, between(first, cursor_.position())});
  }

  // Passes over the n elements and checks them.
  Status elements(GgufType kind, std::uint64_t n) {
    if (kind == GgufType::kString) {
      for (std::uint64_t i = 0; i < n; ++i) EDDY_TRY(string("element", kGgufMaxStringBytes));
      return {};
    }
    const auto taken = cursor_.take(n * gguf_type_bytes(kind));  // fits: check_count
    if (kind != GgufType::kBool) return {};
    for (const std::byte byte : *taken) EDDY_TRY(check_bool(static_cast<std::uint8_t>(byte)));
    return {};
  }

  Status alignment() {
    tables_.alignment = kGgufAlignment;
    const auto found = std::ranges::find(tables_.entries, kGgufAlignmentKey, &GgufEntry::key);
    if (found == tables_.entries.end()) return {};
    const auto* bytes = std::get_if<std::uint32_t>(&found->value);
    if (!bytes) {
      return fail(ErrorCode::kMalformed, "{}: {}, expected u32", kGgufAlignmentKey,
                  gguf_type_text(found->value));
    }
    tables_.alignment = *bytes;
    return gguf_check_alignment(*bytes);
  }

  Status tensor(std::uint64_t i) {
    EDDY_TRY_ASSIGN(const auto name, label(fmt::format("tensor {}", i), kGgufMaxNameBytes));
    const Status parsed = tensor_after_name(name);
    return parsed ? parsed : prefixed(printable(name), parsed.error());
  }

  Status tensor_after_name(std::string_view name) {
    GgufTensor tensor;
    tensor.name = name;
    EDDY_TRY_ASSIGN(const auto n_dims, number<std::uint32_t>("number of extents"));
    if (n_dims < 1 || n_dims > kGgufMaxDims) {
      return fail(ErrorCode::kMalformed, "{} extents, expected 1 .. {}", n_dims, kGgufMaxDims);
    }
    tensor.n_dims = static_cast<int>(n_dims);
    for (std::uint32_t d = 0; d < n_dims; ++d) {
      EDDY_TRY_ASSIGN(tensor.ne[d], number<std::int64_t>("extent"));
    }
    EDDY_TRY_ASSIGN(const auto id, number<std::uint32_t>("tensor type"));
    const std::optional<DType> known = dtype_from_id(id);
    if (!known) return fail(ErrorCode::kUnsupported, "tensor type {} is not known", id);
    tensor.type = *known;
    EDDY_TRY_ASSIGN(const auto offset, number<std::uint64_t>("offset"));
    EDDY_TRY(check_offset(tensor, offset));
    tables_.tensors.push_back(tensor);
    return {};
  }

  // Each tensor starts where the one before it ends, rounded up to the alignment.
  Status check_offset(const GgufTensor& tensor, std::uint64_t offset) {
    EDDY_TRY_ASSIGN(const std::uint64_t n_bytes,
                    gguf_tensor_bytes(tensor.type, std::span(tensor.ne).first(
                                                       static_cast<std::size_t>(tensor.n_dims))));
    if (offset != n_data_) {
      return fail(ErrorCode::kMalformed, "offset {}, expected {}", offset, n_data_);
    }
    const auto end = checked_add(offset, n_bytes);
    const auto next = end ? checked_align(*end, tables_.alignment) : std::nullopt;
    if (!next) return fail(ErrorCode::kMalformed, "2^64 or more bytes of data, expected fewer");
    ends_.push_back(*end);
    n_data_ = *next;
    return {};
  }

  // The data begins at the first multiple of the alignment after the tables.
  Status place_tensors() {
    const auto first = checked_align(cursor_.position(), tables_.alignment);
    for (std::size_t i = 0; i < tables_.tensors.size(); ++i) {
      GgufTensor& tensor = tables_.tensors[i];
      const std::uint64_t offset = i == 0 ? 0 : *checked_align(ends_[i - 1], tables_.alignment);
      const auto end = first ? checked_add(*first, ends_[i]) : std::nullopt;
      if (!end || *end > bytes_.size()) {
        return fail(ErrorCode::kMalformed,
                    "{}: its data ends at byte {}, but the file has {} bytes: it is cut short",
                    printable(tensor.name), end ? fmt::format("{}", *end) : "2^64 or more",
                    bytes_.size());
      }
      tensor.data = between(*first + offset, *end);
    }
    return {};
  }

  std::span<const std::byte> between(std::uint64_t first, std::uint64_t last) const {
    return bytes_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  }

  std::span<const std::byte> bytes_;
  Cursor cursor_;
  std::uint64_t n_tensors_ = 0;
  std::uint64_t n_entries_ = 0;
  std::uint64_t n_data_ = 0;         // bytes of data so far, rounded up to the alignment
  std::vector<std::uint64_t> ends_;  // of each tensor's data, from the start of the data
  GgufTables tables_;
};

}  // namespace

Result<GgufTables> parse_gguf(std::span<const std::byte> bytes) {
  return GgufParser(bytes).parse();
}

}  // namespace eddy

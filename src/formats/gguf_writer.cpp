#include "formats/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/atomic_file.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_tensor_bytes.h"

namespace eddy {
namespace {

using Bytes = std::vector<std::byte>;

void append(Bytes& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class T>
void append_number(Bytes& out, T number) {
  append(out, std::as_bytes(std::span(&number, 1)));
}

void append_string(Bytes& out, std::string_view text) {
  append_number(out, std::uint64_t{text.size()});
  append(out, std::as_bytes(std::span(text)));
}

void append_value(Bytes& out, const GgufValue& value) {
  append_number(out, static_cast<std::uint32_t>(gguf_type(value)));
  if (const auto* text = std::get_if<std::string_view>(&value)) return append_string(out, *text);
  if (const auto* array = std::get_if<GgufArray>(&value)) {
    append_number(out, static_cast<std::uint32_t>(array->type));
    append_number(out, array->size);
    return append(out, array->bytes);
  }
  std::visit(
      [&]<class T>(const T& number) {
        if constexpr (std::is_arithmetic_v<T>) append_number(out, number);
      },
      value);
}

Status wrong(std::string_view what, std::string_view name, const Error& why) {
  return fail(ErrorCode::kInvalidArgument, "{} \"{}\": {}", what, printable(name), why.message);
}

Status check_label(std::string_view what, std::string_view text, std::uint64_t max_bytes,
                   bool is_new) {
  if (text.empty()) return fail(ErrorCode::kInvalidArgument, "a {} that is empty", what);
  if (text.size() > max_bytes) {
    return fail(ErrorCode::kInvalidArgument, "{} \"{}\": {} bytes long, expected at most {}", what,
                printable(text), text.size(), max_bytes);
  }
  if (is_new) return {};
  return fail(ErrorCode::kInvalidArgument, "{} \"{}\": added twice", what, printable(text));
}

Status check_room(std::string_view what, std::size_t n, std::uint64_t most) {
  if (n < most) return {};
  return fail(ErrorCode::kInvalidArgument, "more than {} {}", most, what);
}

// Zeros up to the next multiple of the alignment.
Status pad(std::uint64_t n_bytes, std::uint64_t alignment, const GgufSink& sink) {
  static constexpr std::array<std::byte, 4096> kZeros = {};
  std::uint64_t n = (alignment - n_bytes % alignment) % alignment;
  while (n > 0) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(n, kZeros.size()));
    EDDY_TRY(sink(std::span(kZeros).first(piece)));
    n -= piece;
  }
  return {};
}

// The source's bytes of tensor i, counted.
Status copy_tensor(std::size_t i, std::string_view name, std::uint64_t n_bytes,
                   const GgufSource& source, const GgufSink& sink) {
  std::uint64_t n_given = 0;
  const auto wrong_count = [&] {
    return fail(ErrorCode::kInvalidArgument, "tensor \"{}\": {} bytes{}, expected {}",
                printable(name), n_given, n_given > n_bytes ? " or more" : "", n_bytes);
  };
  Status taken;  // stays what the first error was, also where the source does not heed it
  EDDY_TRY(source(i, [&](std::span<const std::byte> piece) -> Status {
    if (!taken) return taken;
    n_given += piece.size();
    taken = n_given > n_bytes ? Status(wrong_count()) : sink(piece);
    return taken;
  }));
  EDDY_TRY(taken);
  if (n_given != n_bytes) return wrong_count();
  return {};
}

}  // namespace

void GgufWriter::add(std::string_view key, const GgufValue& value) {
  Status added = check_and_add(key, value);
  if (status_.ok()) status_ = std::move(added);
}

void GgufWriter::add(std::string_view key, const std::vector<std::string>& texts) {
  Bytes elements;
  for (const std::string& text : texts) append_string(elements, text);
  add(key, GgufValue(GgufArray{GgufType::kString, texts.size(), elements}));
}

void GgufWriter::add_tensor(GgufTensorSpec spec) {
  Status added = check_and_add_tensor(std::move(spec));
  if (status_.ok()) status_ = std::move(added);
}

Status GgufWriter::check_and_add(std::string_view key, const GgufValue& value) {
  EDDY_TRY(check_label("key", key, kGgufMaxKeyBytes, !keys_.contains(key)));
  EDDY_TRY(check_room("keys", keys_.size(), kGgufMaxEntries));
  if (const Status status = gguf_check_value(value); !status) {
    return wrong("key", key, status.error());
  }
  if (key == kGgufAlignmentKey) {
    const auto* bytes = std::get_if<std::uint32_t>(&value);
    if (!bytes) {
      return fail(ErrorCode::kInvalidArgument, "key \"{}\": {}, expected u32", key,
                  gguf_type_text(value));
    }
    if (const Status status = gguf_check_alignment(*bytes); !status) {
      return Error{ErrorCode::kInvalidArgument, status.error().message};
    }
    alignment_ = *bytes;
  }
  keys_.emplace(key);
  append_string(entries_, key);
  append_value(entries_, value);
  return {};
}

Status GgufWriter::check_and_add_tensor(GgufTensorSpec spec) {
  EDDY_TRY(check_label("tensor", spec.name, kGgufMaxNameBytes, !names_.contains(spec.name)));
  EDDY_TRY(check_room("tensors", names_.size(), kGgufMaxTensors));
  const Result<std::uint64_t> n_bytes = gguf_tensor_bytes(spec.type, spec.ne);
  if (!n_bytes) return wrong("tensor", spec.name, n_bytes.error());
  names_.insert(spec.name);
  tensors_.push_back({std::move(spec), *n_bytes});
  return {};
}

Result<std::vector<GgufWriter::Tensor>> GgufWriter::place_tensors() const {
  std::vector<Tensor> placed = tensors_;
  std::uint64_t offset = 0;
  for (Tensor& tensor : placed) {
    tensor.offset = offset;
    const auto end = checked_add(offset, tensor.n_bytes);
    const auto next = end ? checked_align(*end, alignment_) : std::nullopt;
    if (!next) return fail(ErrorCode::kInvalidArgument, "2^64 or more bytes of data");
    offset = *next;
  }
  return placed;
}

Status GgufWriter::write(const GgufSink& sink, const GgufSource& source) const {
  EDDY_TRY(status_);
  EDDY_TRY_ASSIGN(const std::vector<Tensor> placed, place_tensors());
  Bytes tables;
  append(tables, std::as_bytes(std::span(kGgufMagic)));
  append_number(tables, std::uint32_t{3});
  append_number(tables, std::uint64_t{placed.size()});
  append_number(tables, std::uint64_t{keys_.size()});
  append(tables, entries_);
  for (const Tensor& tensor : placed) {
    append_string(tables, tensor.spec.name);
    append_number(tables, static_cast<std::uint32_t>(tensor.spec.ne.size()));
    append(tables, std::as_bytes(std::span(tensor.spec.ne)));
    append_number(tables, static_cast<std::uint32_t>(tensor.spec.type));
    append_number(tables, tensor.offset);
  }
  EDDY_TRY(sink(tables));
  EDDY_TRY(pad(tables.size(), alignment_, sink));
  for (std::size_t i = 0; i < placed.size(); ++i) {
    EDDY_TRY(copy_tensor(i, placed[i].spec.name, placed[i].n_bytes, source, sink));
    EDDY_TRY(pad(placed[i].n_bytes, alignment_, sink));
  }
  return {};
}

Status GgufWriter::write(FileSystem& fs, const std::string& path, const GgufSource& source) const {
  EDDY_TRY(status_);
  EDDY_TRY_ASSIGN(AtomicFile file, AtomicFile::create(fs, path));
  EDDY_TRY(write([&](std::span<const std::byte> bytes) { return file.write(bytes); }, source));
  return file.commit();
}

}  // namespace eddy

#include "models/loader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "formats/gguf.h"
#include "models/identity.h"
#include "models/small_tensors.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

// Problems that finish() writes out; the others are counted.
constexpr std::size_t kListed = 8;
constexpr std::int64_t kMaxVocab = std::int64_t{1} << 24;

// {64} and {64, 1} are one shape.
std::string shape_text(std::span<const std::int64_t> ne) {
  std::size_t n = ne.size();
  while (n > 1 && ne[n - 1] == 1) --n;
  return fmt::format("{{{}}}", fmt::join(ne.first(n), ", "));
}

bool same_shape(const GgufTensor& tensor, std::span<const std::int64_t> expected) {
  for (std::size_t i = 0; i < tensor.ne.size(); ++i) {
    if (tensor.ne[i] != (i < expected.size() ? expected[i] : 1)) return false;
  }
  return true;
}

}  // namespace

Loader::Loader(const GgufFile& file, const Ops& ops)
    : file_(file), ops_(ops), identity_(identify(file)) {
  info_.architecture = read<std::string_view>("general.architecture").value_or("");
  if (file.find("general.name")) info_.name = read<std::string_view>("general.name").value_or("");
  info_.n_layer = integer("block_count", {1, 512});
  info_.n_embd = integer("embedding_length");
  info_.context_length = integer("context_length", {1, std::int64_t{1} << 40});
  info_.n_vocab = n_vocab();
  for (const GgufTensor& tensor : file.tensors()) count(tensor);
}

// Of an embedding that is not the output too, a token reads one row.
void Loader::count(const GgufTensor& tensor) {
  const auto n_elems =
      static_cast<std::uint64_t>(tensor.ne[0] * tensor.ne[1] * tensor.ne[2] * tensor.ne[3]);
  info_.n_parameters += n_elems;
  info_.n_weight_bytes += tensor.data.size();
  const bool is_embedding = tensor.name == "token_embd.weight", has_output = has("output.weight");
  if (is_embedding && has_output) {
    if (tensor.ne[1] > 0) {
      info_.n_token_bytes += tensor.data.size() / static_cast<std::uint64_t>(tensor.ne[1]);
    }
    return;
  }
  info_.n_token_bytes += tensor.data.size();
  MultiplyAdds& sum =
      is_embedding || tensor.name == "output.weight" ? info_.per_output : info_.per_token;
  const bool is_in_blocks = dtype_info(tensor.type).block_elems > 1;
  (is_in_blocks ? sum.int8 : sum.f32) += static_cast<double>(n_elems);
}

// The vocabulary is the list of tokens; a file without one states its size.
std::int64_t Loader::n_vocab() {
  const GgufValue* tokens = file_.find("tokenizer.ggml.tokens");
  const auto* list = tokens ? std::get_if<GgufArray>(tokens) : nullptr;
  if (!list) return integer("vocab_size", {1, kMaxVocab});
  const auto n = static_cast<std::int64_t>(std::min<std::uint64_t>(list->size, kMaxVocab + 1));
  require(n >= 1 && n <= kMaxVocab, "tokenizer.ggml.tokens: no tokens, or more than 2^24");
  return n;
}

std::string Loader::full_key(std::string_view key) const {
  return fmt::format("{}.{}", info_.architecture, key);
}

template <class T>
std::optional<T> Loader::read(const std::string& key) {
  const GgufValue* value = file_.find(key);
  if (!value) {
    malformed_.push_back(fmt::format("{}: missing", key));
    return std::nullopt;
  }
  const Result<T> converted = gguf_value_as<T>(*value);
  if (converted) return *converted;
  malformed_.push_back(fmt::format("{}: {}", key, converted.error().message));
  return std::nullopt;
}

std::int64_t Loader::integer(std::string_view key, Range range) {
  const std::string name = full_key(key);
  const auto number = read<std::int64_t>(name);
  if (!number) return range.least;
  if (*number >= range.least && *number <= range.most) return *number;
  malformed_.push_back(
      fmt::format("{}: {}, expected {} .. {}", name, *number, range.least, range.most));
  return range.least;
}

std::int64_t Loader::integer_or(std::string_view key, std::int64_t value, Range range) {
  return file_.find(full_key(key)) ? integer(key, range) : value;
}

float Loader::positive(std::string_view key) {
  const std::string name = full_key(key);
  const auto number = read<float>(name);
  if (!number) return 1;
  if (*number > 0 && std::isfinite(*number)) return *number;
  malformed_.push_back(fmt::format("{}: {}, expected above 0", name, *number));
  return 1;
}

float Loader::positive_or(std::string_view key, float value) {
  return file_.find(full_key(key)) ? positive(key) : value;
}

std::vector<std::int64_t> Loader::by_layer(std::string_view key, Range range) {
  const std::string name = full_key(key);
  const GgufValue* value = file_.find(name);
  if (!value || !std::holds_alternative<GgufArray>(*value)) return {};
  auto numbers = read<std::vector<std::int64_t>>(name).value_or(std::vector<std::int64_t>());
  if (std::ssize(numbers) != info_.n_layer) {
    require(false, fmt::format("{}: {} layers, expected {}", name, numbers.size(), info_.n_layer));
  }
  numbers.resize(static_cast<std::size_t>(info_.n_layer), range.least);
  for (std::int64_t& number : numbers) {
    if (number >= range.least && number <= range.most) continue;
    malformed_.push_back(
        fmt::format("{}: {}, expected {} .. {}", name, number, range.least, range.most));
    number = range.least;
  }
  return numbers;
}

bool Loader::flag(std::string_view key) {
  const std::string name = full_key(key);
  return file_.find(name) != nullptr && read<bool>(name).value_or(false);
}

void Loader::require(bool condition, std::string_view message) {
  if (!condition) malformed_.emplace_back(message);
}

bool Loader::has(std::string_view name) const { return file_.find_tensor(name) != nullptr; }

// The tensor, if it is there and has the shape; else the problem is noted.
const GgufTensor* Loader::tensor(std::string_view name, std::span<const std::int64_t> shape) {
  asked_.emplace(name);
  const GgufTensor* found = file_.find_tensor(name);
  if (!found) {
    malformed_.push_back(fmt::format("{}: missing", name));
    return nullptr;
  }
  if (!same_shape(*found, shape)) {
    malformed_.push_back(
        fmt::format("{}: shape {}, expected {}", name, shape_text(found->ne), shape_text(shape)));
    return nullptr;
  }
  return found;
}

// The first matrix of a tensor; empty where there is none.
Weight Loader::weight(const GgufTensor* found, std::int64_t n_in, std::int64_t n_out) {
  if (!found) return {};
  if (!ops_.can_multiply(found->type)) {
    unsupported_.push_back(
        fmt::format("{}: type {} cannot be computed yet", found->name, dtype_name(found->type)));
  }
  return {.data = found->data.data(),
          .type = found->type,
          .ne = {n_in, n_out, 1, 1},
          .name = found->name};
}

Weight Loader::matrix(std::string_view name, std::int64_t n_in, std::int64_t n_out) {
  const std::int64_t shape[] = {n_in, n_out};
  return weight(tensor(name, shape), n_in, n_out);
}

std::vector<Weight> Loader::matrices(std::string_view name, std::int64_t n_in, std::int64_t n_out,
                                     std::int64_t n) {
  const std::int64_t shape[] = {n_in, n_out, n};
  const GgufTensor* found = tensor(name, shape);
  std::vector<Weight> all(static_cast<std::size_t>(n), weight(found, n_in, n_out));
  if (!found) return all;
  const std::size_t n_bytes = found->data.size() / all.size();  // rows are of whole blocks
  for (std::size_t i = 0; i < all.size(); ++i) all[i].data += i * n_bytes;
  return all;
}

std::vector<float> Loader::small(std::string_view name, Shape shape) {
  const GgufTensor* found = tensor(name, shape);
  if (!found) return {};
  std::optional<std::vector<float>> values = to_f32(found->type, found->data);
  if (!values) {
    malformed_.push_back(
        fmt::format("{}: type {}, expected F32, F16 or BF16", name, dtype_name(found->type)));
  }
  return std::move(values).value_or(std::vector<float>());
}

void Loader::unused(std::string_view name, Shape shape) {
  if (has(name)) tensor(name, shape);
}

std::vector<float> Loader::small_transposed(std::string_view name, Shape shape) {
  const std::vector<float> values = small(name, shape);
  if (values.empty()) return values;  // the tensor is missing or misshapen, and will be named
  constexpr std::size_t kLine = 16;   // floats; written together
  std::vector<float> transposed(values.size());
  const auto n0 = static_cast<std::size_t>(shape.begin()[0]);
  const auto n1 = static_cast<std::size_t>(shape.begin()[1]);
  for (std::size_t first = 0; first < n1; first += kLine) {
    const std::size_t last = std::min(first + kLine, n1);
    for (std::size_t i = 0; i < n0; ++i) {
      for (std::size_t row = first; row < last; ++row) {
        transposed[i * n1 + row] = values[row * n0 + i];
      }
    }
  }
  return transposed;
}

std::vector<float> Loader::small_in_sixteens(std::string_view name, Shape shape) {
  const std::vector<float> values = small(name, shape);
  if (values.empty()) return values;
  constexpr std::size_t kLanes = 16;
  const auto n0 = static_cast<std::size_t>(shape.begin()[0]);
  const auto n1 = static_cast<std::size_t>(shape.begin()[1]);
  std::vector<float> sixteens((n1 + kLanes - 1) / kLanes * kLanes * n0);
  for (std::size_t row = 0; row < n1; ++row) {
    float* lane = &sixteens[row / kLanes * kLanes * n0 + row % kLanes];
    for (std::size_t i = 0; i < n0; ++i) lane[i * kLanes] = values[row * n0 + i];
  }
  return sixteens;
}

Status Loader::finish() {
  for (const GgufTensor& tensor : file_.tensors()) {
    if (asked_.contains(std::string(tensor.name))) continue;
    malformed_.push_back(
        fmt::format("{}: not part of {}", printable(tensor.name), info_.architecture));
  }
  const ErrorCode code = malformed_.empty() ? ErrorCode::kUnsupported : ErrorCode::kMalformed;
  std::vector<std::string> problems = std::move(malformed_);
  problems.insert(problems.end(), unsupported_.begin(), unsupported_.end());
  if (problems.empty()) return {};
  const std::size_t n_more = problems.size() - std::min(problems.size(), kListed);
  problems.resize(problems.size() - n_more);
  return fail(code, "{}: {}{}", file_.name(), fmt::join(problems, "; "),
              n_more > 0 ? fmt::format("; and {} more", n_more) : "");
}

}  // namespace eddy

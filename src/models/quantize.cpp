#include "models/quantize.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_system.h"
#include "base/ignoring_case.h"
#include "base/threads.h"
#include "base/try.h"
#include "formats/gguf.h"
#include "formats/gguf_file_type.h"
#include "formats/gguf_writer.h"
#include "tensor/decode.h"
#include "tensor/encode.h"

namespace eddy {
namespace {

// A mix of one type, but for the output.
constexpr QuantizeMix pure(std::string_view name, DType type, DType output) {
  return {name, type, output, type, gguf_file_type(type)};
}

constexpr QuantizeMix kMixes[] = {
    pure("F16", DType::kF16, DType::kF16),
    pure("BF16", DType::kBF16, DType::kBF16),
    pure("Q8_0", DType::kQ8_0, DType::kQ8_0),
    pure("Q4_0", DType::kQ4_0, DType::kQ6_K),
    pure("Q5_0", DType::kQ5_0, DType::kQ6_K),
    pure("Q5_1", DType::kQ5_1, DType::kQ6_K),
    pure("Q4_K", DType::kQ4_K, DType::kQ6_K),
    {"Q4_K_M", DType::kQ4_K, DType::kQ6_K, DType::kQ6_K, 15},
    pure("Q5_K", DType::kQ5_K, DType::kQ6_K),
    {"Q5_K_M", DType::kQ5_K, DType::kQ6_K, DType::kQ6_K, 17},
    pure("Q6_K", DType::kQ6_K, DType::kQ6_K),
};

// Parts of names whose tensors stay as they are. RWKV's are vectors of the time mix and the small
// matrices that make its decays and rates; Griffin's are the gates, blocks of a diagonal.
constexpr std::string_view kKept[] = {
    "_norm.weight",     "ssm_conv1d",    "ffn_gate_inp",     "time_mix_first", "time_mix_w0",
    "time_mix_w1",      "time_mix_w2",   "time_mix_v0",      "time_mix_v1",    "time_mix_v2",
    "time_mix_a0",      "time_mix_a1",   "time_mix_a2",      "time_mix_g1",    "time_mix_g2",
    "time_mix_decay_w", "time_mix_lerp", "channel_mix_lerp", "time_mix_ln",    "rglru_gate",
};

bool contains(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

bool is_kept(const GgufTensor& tensor) {
  if (tensor.n_dims < 2 || !tensor.name.ends_with("weight")) return true;
  return std::ranges::any_of(kKept,
                             [&](std::string_view part) { return contains(tensor.name, part); });
}

// "blk.12.ffn_down.weight" is of layer 12.
std::optional<std::int64_t> layer_of(std::string_view name) {
  if (!name.starts_with("blk.")) return std::nullopt;
  std::int64_t layer = 0;
  for (const char c : name.substr(4)) {
    if (c == '.') return layer;
    if (c < '0' || c > '9' || layer > 100000) return std::nullopt;
    layer = 10 * layer + (c - '0');
  }
  return std::nullopt;
}

// The first and the last eighth of the layers, and every third between.
bool is_layer_of_weight(std::int64_t layer, std::int64_t n_layer) {
  const std::int64_t eighth = n_layer / 8;
  return layer < eighth || layer >= 7 * n_layer / 8 || (layer - eighth) % 3 == 2;
}

// What the choice of types asks of a file as a whole.
struct WholeFile {
  bool is_tied = true;
  std::int64_t n_layer = 0;

  explicit WholeFile(const GgufFile& file) : is_tied(!file.find_tensor("output.weight")) {
    for (const GgufTensor& tensor : file.tensors()) {
      n_layer = std::max(n_layer, layer_of(tensor.name).value_or(-1) + 1);
    }
  }
};

DType wanted_type(const QuantizeMix& mix, const WholeFile& whole, std::string_view name) {
  if (name == "output.weight") return mix.output;
  if (name == "token_embd.weight") return whole.is_tied ? mix.output : mix.type;
  const bool is_important = contains(name, "attn_v.weight") ||
                            (contains(name, "ffn_down.weight") &&
                             is_layer_of_weight(layer_of(name).value_or(0), whole.n_layer));
  return is_important ? mix.important : mix.type;
}

// A type whose blocks divide the rows.
DType fitting(DType type, std::int64_t n) {
  const auto fits = [n](DType t) { return n % dtype_info(t).block_elems == 0; };
  if (fits(type)) return type;
  if (type == DType::kQ4_K && fits(DType::kQ5_0)) return DType::kQ5_0;
  if (type == DType::kQ5_K && fits(DType::kQ5_1)) return DType::kQ5_1;
  if (type == DType::kQ6_K && fits(DType::kQ8_0)) return DType::kQ8_0;
  return DType::kF16;
}

// --- Writing ----------------------------------------------------------------------------------

// What the encoding of a piece lost.
struct Loss {
  double values = 0, differences = 0;  // sums of squares
  bool is_finite = true;
};

// Rows in, rows out. Each thread takes a share of the blocks of a piece.
class Encoder {
  static constexpr std::size_t kMostElems = 256;  // of a block

 public:
  Encoder(const GgufTensor& tensor, DType to, ThreadPool& pool)
      : tensor_(tensor),
        to_(to),
        pool_(pool),
        n_(static_cast<std::int64_t>(tensor.data.size() / dtype_info(tensor.type).block_bytes *
                                     dtype_info(tensor.type).block_elems)),
        losses_(static_cast<std::size_t>(pool.n_threads())) {}

  Status write(const GgufSink& sink) {
    constexpr std::int64_t kPiece = 1 << 20;  // elements, a multiple of every block
    for (std::int64_t first = 0; first < n_; first += kPiece) {
      const std::int64_t n = std::min(kPiece, n_ - first);
      out_.resize(bytes_of(to_, n));
      pool_.run([&](int part) { encode_share(first, n, part); });
      EDDY_TRY(sink(out_));
    }
    return {};
  }

  std::uint64_t n_bytes() const { return bytes_of(to_, n_); }

  Loss loss() const {
    Loss sum;
    for (const Loss& part : losses_) {
      sum.values += part.values;
      sum.differences += part.differences;
      sum.is_finite = sum.is_finite && part.is_finite;
    }
    return sum;
  }

 private:
  static std::size_t bytes_of(DType type, std::int64_t n) {
    return static_cast<std::size_t>(row_bytes(type, static_cast<std::uint64_t>(n)).value());
  }

  void encode_share(std::int64_t first, std::int64_t n, int part) {
    const auto n_block = static_cast<std::int64_t>(dtype_info(to_).block_elems);
    const Share blocks = share_of(n / n_block, part, pool_.n_threads());
    float room[2][kMostElems];  // no thread of the pool allocates
    const std::span values(room[0], static_cast<std::size_t>(n_block));
    const std::span back(room[1], values.size());
    for (std::int64_t b = blocks.first; b < blocks.last; ++b) {
      decode(tensor_.type, tensor_.data.data() + bytes_of(tensor_.type, first + b * n_block),
             values);
      std::byte* const out = out_.data() + bytes_of(to_, b * n_block);
      encode(to_, values, out);
      decode(to_, out, back);
      count(values, back, losses_[static_cast<std::size_t>(part)]);
    }
  }

  static void count(std::span<const float> values, std::span<const float> back, Loss& loss) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double v = values[i], difference = back[i] - v;
      loss.values += v * v;
      loss.differences += difference * difference;
    }
    loss.is_finite = loss.is_finite && std::isfinite(loss.values + loss.differences);
  }

  const GgufTensor& tensor_;
  DType to_;
  ThreadPool& pool_;
  std::int64_t n_;
  std::vector<std::byte> out_;
  std::vector<Loss> losses_;  // by thread
};

bool is_dense(DType type) { return dtype_info(type).block_elems == 1; }

Status check_source(const GgufFile& file, const GgufTensor& tensor, DType to) {
  if (tensor.type == to || (is_dense(tensor.type) && can_decode(tensor.type))) return {};
  return fail(ErrorCode::kInvalidArgument,
              "{}: {}: type {}, expected F32, F16 or BF16: quantise from the original file",
              file.name(), printable(tensor.name), dtype_name(tensor.type));
}

}  // namespace

std::span<const QuantizeMix> quantize_mixes() { return kMixes; }

const QuantizeMix* find_quantize_mix(std::string_view name) {
  const auto* found = std::ranges::find_if(
      kMixes, [&](const QuantizeMix& mix) { return equal_ignoring_case(mix.name, name); });
  return found == std::end(kMixes) ? nullptr : found;
}

std::vector<DType> quantized_types(const QuantizeMix& mix, const GgufFile& file) {
  const WholeFile whole(file);
  std::vector<DType> types;
  for (const GgufTensor& tensor : file.tensors()) {
    types.push_back(is_kept(tensor) ? tensor.type
                                    : fitting(wanted_type(mix, whole, tensor.name), tensor.ne[0]));
  }
  return types;
}

Status quantize(const GgufFile& file, const QuantizeMix& mix, ThreadPool& pool, FileSystem& fs,
                const std::string& path,
                const std::function<void(const QuantizedTensor&)>& on_tensor) try {
  GgufWriter writer;
  for (const GgufEntry& entry : file.entries()) {
    if (entry.key != "general.file_type" && !entry.key.starts_with("split.")) {
      writer.add(entry.key, entry.value);
    }
  }
  writer.add("general.file_type", mix.file_type);
  const std::vector<DType> types = quantized_types(mix, file);
  for (std::size_t i = 0; i < types.size(); ++i) {
    const GgufTensor& tensor = file.tensors()[i];
    EDDY_TRY(check_source(file, tensor, types[i]));
    writer.add_tensor({.name = std::string(tensor.name),
                       .type = types[i],
                       .ne = {tensor.ne.begin(), tensor.ne.begin() + tensor.n_dims}});
  }
  return writer.write(fs, path, [&](std::size_t i, const GgufSink& sink) -> Status {
    const GgufTensor& tensor = file.tensors()[i];
    QuantizedTensor report = {.name = tensor.name,
                              .from = tensor.type,
                              .to = types[i],
                              .n_bytes_from = tensor.data.size(),
                              .n_bytes_to = tensor.data.size()};
    if (types[i] == tensor.type) {
      EDDY_TRY(sink(tensor.data));
    } else {
      Encoder encoder(tensor, types[i], pool);
      EDDY_TRY(encoder.write(sink));
      const Loss loss = encoder.loss();
      if (!loss.is_finite) {
        return fail(ErrorCode::kNonFinite, "{}: {}: a value is not a finite number of type {}",
                    file.name(), printable(tensor.name), dtype_name(types[i]));
      }
      report.error = loss.values > 0 ? std::sqrt(loss.differences / loss.values) : 0;
      report.n_bytes_to = encoder.n_bytes();
    }
    if (on_tensor) on_tensor(report);
    return {};
  });
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, path + ": quantised tensors"};
}

}  // namespace eddy

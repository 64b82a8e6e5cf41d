#include "make_model/write_model.h"

#include <algorithm>

#include "base/file_system.h"
#include "formats/gguf_writer.h"
#include "make_model/random_values.h"
#include "tensor/encode.h"

namespace eddy::make_model {
namespace {

// Elements made at a time: a multiple of every block.
constexpr std::uint64_t kPieceElems = 1u << 16;

Status write_tensor(const TensorPlan& tensor, std::uint64_t seed, const GgufSink& sink) {
  const RandomValues values(tensor, seed);
  std::uint64_t n = 1;
  for (const std::int64_t extent : tensor.ne) n *= static_cast<std::uint64_t>(extent);
  std::vector<float> piece;
  std::vector<std::byte> bytes;
  for (std::uint64_t first = 0; first < n; first += kPieceElems) {
    piece.resize(static_cast<std::size_t>(std::min(kPieceElems, n - first)));
    values.fill(first, piece);
    bytes.resize(static_cast<std::size_t>(row_bytes(tensor.type, piece.size()).value()));
    encode(piece, tensor.type, bytes);
    if (const Status written = sink(bytes); !written) return written;
  }
  return {};
}

}  // namespace

Status write_model(const Plan& plan, std::uint64_t seed, const std::string& path) {
  GgufWriter writer;
  for (const Meta& meta : plan.metadata) {
    std::visit([&](const auto& value) { writer.add(meta.key, value); }, meta.value);
  }
  for (const TensorPlan& tensor : plan.tensors) {
    if (!can_encode(tensor.type)) {
      return Error{
          ErrorCode::kInvalidArgument,
          tensor.name + ": type " + std::string(dtype_name(tensor.type)) + " cannot be written"};
    }
    writer.add_tensor({.name = tensor.name, .type = tensor.type, .ne = tensor.ne});
  }
  return writer.write(posix_file_system(), path, [&](std::size_t i, const GgufSink& sink) {
    return write_tensor(plan.tensors[i], seed, sink);
  });
}

}  // namespace eddy::make_model

#include "convert/convert.h"

#include "base/error.h"
#include "base/try.h"
#include "convert/checkpoint.h"
#include "convert/tensor_plan.h"
#include "convert/tensor_values.h"
#include "convert/vocabulary_files.h"
#include "formats/gguf_writer.h"

namespace eddy {
namespace {

using convert::Checkpoint;
using convert::PlannedTensor;
using convert::TensorPlan;

std::uint64_t n_elements(const TensorPlan& plan) {
  std::uint64_t n = 0;
  for (const PlannedTensor& planned : plan.tensors()) {
    std::uint64_t of_tensor = 1;
    for (const std::int64_t extent : planned.spec.ne)
      of_tensor *= static_cast<std::uint64_t>(extent);
    n += of_tensor;
  }
  return n;
}

Status write_tensors(const TensorPlan& plan, const GgufWriter& writer, FileSystem& fs,
                     const ConvertOptions& options) {
  const auto n_all = static_cast<double>(n_elements(plan));
  std::uint64_t n_done = 0;
  const auto on_elements = [&](std::uint64_t n) {
    n_done += n;
    if (options.on_progress) options.on_progress(static_cast<double>(n_done) / n_all);
  };
  return writer.write(fs, options.out, [&](std::size_t i, const GgufSink& sink) -> Status {
    const Status written = convert::write_values(plan.tensors()[i], sink, on_elements);
    return written ? written : Status(prefixed(options.folder, written.error()));
  });
}

}  // namespace

bool can_convert_to(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || type == DType::kQ8_0;
}

Status convert_model(FileSystem& fs, const ConvertOptions& options) {
  if (options.type && !can_convert_to(*options.type)) {
    return fail(ErrorCode::kInvalidArgument, "type {}, expected F32, F16, BF16 or Q8_0",
                dtype_name(*options.type));
  }
  EDDY_TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(fs, options.folder));
  EDDY_TRY_ASSIGN(const TensorPlan plan, TensorPlan::make(checkpoint, options.type));
  EDDY_TRY_ASSIGN(const auto vocabulary,
                  read_vocabulary(checkpoint, plan.ne("token_embd.weight", 1)));
  GgufWriter writer;
  EDDY_TRY(checkpoint.family().describe(checkpoint, plan, writer));
  write_vocabulary(vocabulary, writer);
  for (const PlannedTensor& planned : plan.tensors()) writer.add_tensor(planned.spec);
  return write_tensors(plan, writer, fs, options);
}

}  // namespace eddy

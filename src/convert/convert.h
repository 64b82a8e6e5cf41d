// A published model, as a folder in the format of transformers, to a GGUF file.
//
//   EDDY_TRY(convert_model(posix_file_system(), {.folder = "mamba-130m-hf", .out = "m.gguf"}));
//
// What a family's tensors are called and what becomes of them is a table (rules.h); this folder
// knows models by their names only, and computes nothing.
//
// Threading: one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "base/file_system.h"
#include "eddy/result.h"

namespace eddy {

// F32, F16, BF16 and Q8_0: what published weights are, and what loses next to nothing. What is
// smaller is made of a converted file (models/quantize.h).
bool can_convert_to(DType type);

struct ConvertOptions {
  std::string folder;
  std::string out;
  std::optional<DType> type = {};                // of matrices; nullopt: as they are
  std::function<void(double)> on_progress = {};  // told the written fraction, 0 .. 1
};

// All is checked before the file is begun, and it takes its name when it is whole. Memory: the
// vocabulary, and a piece of a tensor.
// kNotFound, kIo; kMalformed: what the files say is wrong, or tensors are missing or unknown;
// kUnsupported: a family, tokenizer or type that is not converted; kNonFinite: NaN or infinity in
// a tensor; kInvalidArgument: another type.
Status convert_model(FileSystem& fs, const ConvertOptions& options);

}  // namespace eddy

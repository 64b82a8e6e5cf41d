// Initial states of RWKV, as state tuning leaves them: a file with a tensor for each layer,
// "blocks.N.att.time_state" {n_head, head_size, head_size}, the last extent contiguous, F32, F16 or
// BF16, in safetensors or GGUF (there {head_size, head_size, n_head}).
//
// In every head the last index is a key's and the one before a value's, for RWKV-6 as for RWKV-7
// (docs/decisions/0032). Token shifts are not among what is tuned: they begin with zeros.
//
// Threading: none; pure.
#pragma once

#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/file_system.h"
#include "eddy/result.h"
#include "models/model.h"

namespace eddy {

struct InitRows {
  // By layer: the elements of R, in the order of its kernel (RecurrentMemory::initial_state()).
  std::vector<std::vector<float>> r;
  // XXH3 over the layers' values as F32 in the file's order: equal states have one digest, whatever
  // the file's format and element type. Part of saved sessions: never change it.
  Digest128 digest;
};

// kUnsupported: the model's recurrence is another, the file is neither safetensors nor GGUF, an
// element type; kMalformed: a layer without a tensor, a tensor that is none of these, another
// shape; kNonFinite; and the errors of the readers. Messages start with the file's name.
Result<InitRows> read_init_state(FileSystem& fs, const std::string& path, const Model& model);

}  // namespace eddy

// Converted checkpoints, and what is expected of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "convert/support/built_checkpoint.h"
#include "eddy/result.h"
#include "formats/gguf.h"

namespace eddy::test {

using Shape = std::vector<std::int64_t>;
using Floats = std::vector<float>;

// An rwkv_vocab_v20230424.txt of 258 tokens: <s> is not in it, then the bytes and a blank line.
std::string rwkv_vocabulary();

// Writes and converts the checkpoint; its file, which is gone from the disk.
Result<GgufFile> converted(const BuiltCheckpoint& checkpoint, std::optional<DType> type = {});

// Converts it, opens it with the engine and reads a few tokens below n_vocab.
Status run_converted(const BuiltCheckpoint& checkpoint, std::int64_t n_vocab);

void expect_tensor(const GgufFile& file, const std::string& name, const Shape& ne,
                   const Floats& values);

}  // namespace eddy::test

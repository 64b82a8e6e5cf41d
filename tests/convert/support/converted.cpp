#include "convert/support/converted.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/try.h"
#include "convert/convert.h"
#include "eddy/engine.h"

namespace eddy::test {

std::string rwkv_vocabulary() {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += fmt::format("{} b'\\x{:02x}' 1\n", byte + 1, byte);
  return text + "257 '\\n\\n' 2\n";
}

Result<GgufFile> converted(const BuiltCheckpoint& checkpoint, std::optional<DType> type) {
  const TemporaryFolder folder;
  const Status status =
      convert_model(posix_file_system(),
                    {.folder = checkpoint.write(), .out = folder.path("out.gguf"), .type = type});
  if (!status) return status.error();
  return GgufFile::open(posix_file_system(), folder.path("out.gguf"));
}

Status run_converted(const BuiltCheckpoint& checkpoint, std::int64_t n_vocab) {
  const TemporaryFolder folder;
  const std::string path = folder.path("out.gguf");
  EDDY_TRY(convert_model(posix_file_system(), {.folder = checkpoint.write(), .out = path}));
  EDDY_TRY_ASSIGN(Engine engine, Engine::open(path, {.n_threads = 1}));
  std::vector<Token> tokens;
  for (std::int32_t i = 0; i < 12; ++i) {
    tokens.push_back(Token(i * 37 % static_cast<std::int32_t>(n_vocab)));
  }
  return engine.evaluate(tokens, [](Pos, std::span<const float>) { return true; });
}

void expect_tensor(const GgufFile& file, const std::string& name, const Shape& ne,
                   const Floats& values) {
  const GgufTensor* tensor = file.find_tensor(name);
  ASSERT_TRUE(tensor) << name;
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(tensor->ne[i], i < ne.size() ? ne[i] : 1) << name;
  EXPECT_EQ(floats_of(*tensor), values) << name;
}

}  // namespace eddy::test

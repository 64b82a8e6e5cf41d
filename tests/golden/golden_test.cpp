// Golden files: what a seeded random model of each architecture computes, so that a change of the
// numbers is noticed where it is made.
//
// tests/golden/<architecture>.txt has a line for each tiny shape and type: the digest of the
// engine's logits (every bit of every token), and a few logits of the double reference.
// When the digests change on purpose, say why in the commit, and renew them with
//   EDDY_RENEW_GOLDEN=1 build/release/tests/golden_test
// The references' values change only with the generator of random models.
#include <fmt/format.h>
#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "base/file_system.h"
#include "eddy/engine.h"
#include "formats/gguf.h"
#include "make_model/architectures.h"
#include "make_model/write_model.h"
#include "reference/reference.h"

namespace eddy {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kTokens = 20;

struct Golden {
  std::string digest;
  std::vector<double> reference;
};
using GoldenFile = std::map<std::string, Golden>;  // by "shape type"

std::string path_of(std::string_view architecture) {
  return fmt::format("{}/tests/golden/{}.txt", EDDY_SOURCE_DIR, architecture);
}

GoldenFile read_golden(std::string_view architecture) {
  GoldenFile golden;
  std::ifstream in(path_of(architecture));
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string shape, type;
    Golden entry;
    words >> shape >> type >> entry.digest;
    for (double value; words >> value;) entry.reference.push_back(value);
    golden[shape + " " + type] = entry;
  }
  return golden;
}

void write_golden(std::string_view architecture, const GoldenFile& golden) {
  std::ofstream out(path_of(architecture));
  for (const auto& [name, entry] : golden) {
    out << fmt::format("{} {} {:.12f}\n", name, entry.digest, fmt::join(entry.reference, " "));
  }
}

std::vector<Token> golden_tokens() {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < kTokens; ++i) {
    tokens.push_back(Token(static_cast<std::int32_t>((i * i * 31 + 7) % 257)));
  }
  return tokens;
}

// The digest of the logits after every token, as the engine computes them.
std::string digest_of_engine(const std::string& path) {
  auto engine = Engine::open(path, {.n_threads = 1});
  if (!engine.ok()) throw std::runtime_error(engine.error().message);
  std::vector<float> all;
  const Status status = engine->evaluate(golden_tokens(), [&](Pos, std::span<const float> logits) {
    all.insert(all.end(), logits.begin(), logits.end());
    return true;
  });
  if (!status.ok()) throw std::runtime_error(status.error().message);
  if (all.size() != kTokens * static_cast<std::size_t>(engine->info().n_vocab)) {
    throw std::runtime_error("not one row of logits for each token");
  }
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size() * sizeof(float));
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

// Eight logits after the last token.
std::vector<double> values_of_reference(const GgufFile& file) {
  const auto reference = reference::make_reference(file);
  if (!reference) throw std::runtime_error("no reference for this architecture");
  const std::vector<double> last = reference->logits(golden_tokens(), {}).back();
  std::vector<double> values;
  for (std::size_t i = 0; i < 8; ++i) values.push_back(last[i * (last.size() - 1) / 7]);
  return values;
}

class GoldenLogits : public testing::TestWithParam<make_model::Architecture> {};

INSTANTIATE_TEST_SUITE_P(All, GoldenLogits, testing::ValuesIn(make_model::architectures()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(GoldenLogits, AreUnchanged) {
  const auto& architecture = GetParam();
  GoldenFile found;
  for (const std::string_view shape : architecture.shapes()) {
    if (!shape.starts_with("tiny")) continue;
    for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
      const make_model::Plan plan = *architecture.plan(shape, type);
      const std::string path = testing::TempDir() + "eddy_golden.gguf";
      const Status written = make_model::write_model(plan, kSeed, path);
      ASSERT_TRUE(written.ok()) << written.error().message;
      const auto file = GgufFile::open(posix_file_system(), path);
      ASSERT_TRUE(file.ok()) << file.error().message;
      found[fmt::format("{} {}", shape, dtype_name(type))] = {
          .digest = digest_of_engine(path), .reference = values_of_reference(*file)};
    }
  }
  if (std::getenv("EDDY_RENEW_GOLDEN")) write_golden(architecture.name, found);

  const GoldenFile golden = read_golden(architecture.name);
  ASSERT_EQ(golden.size(), found.size()) << path_of(architecture.name);
  for (const auto& [name, entry] : found) {
    ASSERT_TRUE(golden.contains(name)) << name;
    EXPECT_EQ(entry.digest, golden.at(name).digest) << name << ": the engine's numbers changed";
    ASSERT_EQ(entry.reference.size(), golden.at(name).reference.size()) << name;
    for (std::size_t i = 0; i < entry.reference.size(); ++i) {
      EXPECT_NEAR(entry.reference[i], golden.at(name).reference[i], 1e-9)
          << name << ", value " << i;
    }
  }
}

}  // namespace
}  // namespace eddy

// JSON within limits.
#include "formats/json_text.h"

#include <gtest/gtest.h>

#include "base/support/fails_with.h"
#include "base/support/file_world.h"

namespace eddy::test {
namespace {

std::string nested(int depth) {
  const auto n = static_cast<std::size_t>(depth);
  return std::string(n, '[') + std::string(n, ']');
}

TEST(JsonText, ReadsWhatIsWithinTheLimits) {
  const auto json = parse_json(R"({"a":[1,"]]]]\"[["]})");
  ASSERT_TRUE(succeeds(json));
  EXPECT_EQ((*json)["a"][1], "]]]]\"[[");
  EXPECT_TRUE(succeeds(parse_json(nested(64))));
  std::string brackets = "\"" + std::string(1000, '[') + "\"";
  EXPECT_TRUE(succeeds(parse_json(brackets)));
}

TEST(JsonText, ReadsPythonsNumbersAsNull) {
  const auto json = parse_json(R"({"a":[0.0, Infinity,-Infinity,NaN],"b":"NaN \"Infinity"})");
  ASSERT_TRUE(succeeds(json));
  EXPECT_EQ((*json)["a"].dump(), "[0.0,null,null,null]");
  EXPECT_EQ((*json)["b"], "NaN \"Infinity");
  for (const std::string text : {"Infinit", "NaNN", "-NaN", "1Infinity", "In"}) {
    EXPECT_TRUE(fails_with(parse_json(text), ErrorCode::kMalformed, {"no JSON"})) << text;
  }
}

TEST(JsonText, RefusesTheRest) {
  for (const std::string text : {"", "{", "nul", "1 2", "{\"a\":1e999}", "\"\xFF\""}) {
    EXPECT_TRUE(fails_with(parse_json(text), ErrorCode::kMalformed, {"no JSON"})) << text;
  }
  EXPECT_TRUE(fails_with(parse_json(nested(65)), ErrorCode::kMalformed,
                         {"nested 65 deep, expected at most 64"}));
  EXPECT_TRUE(fails_with(parse_json(std::string(10'000'000, '[')), ErrorCode::kMalformed,
                         {"nested 10000000 deep"}));
}

TEST(JsonText, NamesTheFile) {
  MemoryWorld world;
  world.put("x.json", "{");
  const auto path = world.path("x.json");
  EXPECT_TRUE(fails_with(read_json(world.fs(), path), ErrorCode::kMalformed, {path + ": no JSON"}));
  EXPECT_TRUE(fails_with(read_json(world.fs(), world.path("y.json")), ErrorCode::kNotFound, {}));
}

}  // namespace
}  // namespace eddy::test

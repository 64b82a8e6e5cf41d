// Result, Status, and what src/base/ adds to them: error.h, error_code.cpp, try.h.
#include "eddy/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/support/fails_with.h"
#include "base/try.h"

namespace eddy {
namespace {

using test::fails_with;

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::kInvalidArgument, "{} is odd", n);
  return n / 2;
}

Status is_even(int n) {
  EDDY_TRY(half(n));
  return {};
}

Result<std::string> quarter(int n) {
  EDDY_TRY_ASSIGN(const int first, half(n));
  EDDY_TRY_ASSIGN(const int second, half(first));
  return std::to_string(second);
}

TEST(Result, IsAValueOrAnError) {
  const Result<int> good = half(6);
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(static_cast<bool>(good));
  EXPECT_EQ(*good, 3);
  EXPECT_EQ(good.value(), 3);
  const Result<int> bad = half(5);
  EXPECT_FALSE(bad.ok());
  EXPECT_FALSE(static_cast<bool>(bad));
  EXPECT_TRUE(fails_with(bad, ErrorCode::kInvalidArgument, {"5 is odd"}));
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(**result, 7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, ReachesMembers) {
  const Result<std::string> result = std::string("four");
  EXPECT_EQ(result->size(), 4u);
  Result<std::string> changing = std::string("four");
  changing->append("teen");
  EXPECT_EQ(changing.value(), "fourteen");
}

TEST(Status, IsSuccessByDefault) {
  EXPECT_TRUE(Status().ok());
  const Status bad = Error{ErrorCode::kFull, "3 cells"};
  EXPECT_FALSE(bad.ok());
  EXPECT_FALSE(static_cast<bool>(bad));
  EXPECT_TRUE(fails_with(bad, ErrorCode::kFull, {"3 cells"}));
}

TEST(Try, PassesErrorsOn) {
  EXPECT_TRUE(is_even(4).ok());
  EXPECT_TRUE(fails_with(is_even(3), ErrorCode::kInvalidArgument, {"3 is odd"}));
}

TEST(Try, BindsValues) {
  const auto good = quarter(12);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, "3");
  EXPECT_TRUE(fails_with(quarter(7), ErrorCode::kInvalidArgument, {"7 is odd"}));
  EXPECT_TRUE(fails_with(quarter(6), ErrorCode::kInvalidArgument, {"3 is odd"}));
}

TEST(Try, EvaluatesItsExpressionOnce) {
  int n_calls = 0;
  const auto counted = [&]() -> Status {
    EDDY_TRY([&]() -> Status {
      ++n_calls;
      return {};
    }());
    return {};
  };
  EXPECT_TRUE(counted().ok());
  EXPECT_EQ(n_calls, 1);
}

TEST(Error, TakesAPrefix) {
  const Error error = prefixed("m.gguf", fail(ErrorCode::kMalformed, "{} {}", 3, "bytes"));
  EXPECT_EQ(error.code, ErrorCode::kMalformed);
  EXPECT_EQ(error.message, "m.gguf: 3 bytes");
}

TEST(ErrorCode, HasANameForEach) {
  std::set<std::string_view> names;
  const int last = static_cast<int>(ErrorCode::kNonFinite);
  for (int code = 0; code <= last; ++code) {
    names.insert(error_code_name(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(last) + 1);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(error_code_name(static_cast<ErrorCode>(last + 1)), "unknown");
  EXPECT_EQ(error_code_name(ErrorCode::kMalformed), "malformed");
}

}  // namespace
}  // namespace eddy

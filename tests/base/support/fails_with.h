// Whether something failed, and how: EXPECT_TRUE(fails_with(open(path), ErrorCode::kIo, {path})).
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

#include "eddy/result.h"

namespace eddy::test {

// Whether the result is an error with this code whose message has all of the parts.
template <class T>
::testing::AssertionResult fails_with(const Result<T>& result, ErrorCode code,
                                      std::initializer_list<std::string_view> parts = {}) {
  if (result.ok()) return ::testing::AssertionFailure() << "it went well";
  const Error& error = result.error();
  if (error.code != code) {
    return ::testing::AssertionFailure() << error_code_name(error.code) << ": " << error.message;
  }
  for (const std::string_view part : parts) {
    if (error.message.find(part) != std::string::npos) continue;
    return ::testing::AssertionFailure() << "\"" << error.message << "\" lacks \"" << part << "\"";
  }
  return ::testing::AssertionSuccess();
}

// Whether the result is no error; the message if it is one.
template <class T>
::testing::AssertionResult succeeds(const Result<T>& result) {
  if (result.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().message;
}

}  // namespace eddy::test

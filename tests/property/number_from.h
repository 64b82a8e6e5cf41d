// A test's number, from the environment if it is set there.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace eddy::test {

inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace eddy::test

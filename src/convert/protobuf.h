// The fields of a protobuf message, one after the other.
//
//   Protobuf message(bytes);
//   while (!message.at_end()) {
//     EDDY_TRY_ASSIGN(const Protobuf::Field field, message.next());
//   }
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/try.h"
#include "eddy/result.h"

namespace eddy::convert {

class Protobuf {
 public:
  enum class Wire { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  struct Field {
    std::uint32_t number = 0;
    Wire wire = Wire::kVarint;
    std::uint64_t value = 0;      // of a varint or a fixed one
    std::string_view bytes = {};  // of kBytes: a text, or a message

    float as_float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
  };

  explicit Protobuf(std::string_view bytes) : rest_(bytes), n_bytes_(bytes.size()) {}

  bool at_end() const { return rest_.empty(); }

  // kMalformed: the message is cut short, or has a field of a type that protobuf 3 does not have.
  Result<Field> next() {
    EDDY_TRY_ASSIGN(const std::uint64_t tag, varint());
    Field field = {.number = static_cast<std::uint32_t>(tag >> 3), .wire = Wire(tag & 7)};
    if (tag >> 3 == 0 || tag >> 32 != 0) return wrong("no field's tag");
    switch (field.wire) {
      case Wire::kVarint: {
        EDDY_TRY_ASSIGN(field.value, varint());
        return field;
      }
      case Wire::kFixed64: return fixed(field, 8);
      case Wire::kFixed32: return fixed(field, 4);
      case Wire::kBytes: {
        EDDY_TRY_ASSIGN(const std::uint64_t n, varint());
        if (n > rest_.size()) return wrong("cut short");
        field.bytes = rest_.substr(0, static_cast<std::size_t>(n));
        rest_.remove_prefix(static_cast<std::size_t>(n));
        return field;
      }
    }
    return wrong("a field of an unknown type");
  }

 private:
  Error wrong(const char* what) const {
    return fail(ErrorCode::kMalformed, "byte {}: {}", n_bytes_ - rest_.size(), what);
  }

  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return wrong("cut short");
      const auto byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 127u} << shift;
      if (byte < 128) return value;
    }
    return wrong("a number of more than 64 bits");
  }

  Result<Field> fixed(Field field, std::size_t n) {
    if (rest_.size() < n) return wrong("cut short");
    for (std::size_t i = n; i-- > 0;) {
      field.value = field.value << 8 | static_cast<unsigned char>(rest_[i]);
    }
    rest_.remove_prefix(n);
    return field;
  }

  std::string_view rest_;
  std::size_t n_bytes_;
};

}  // namespace eddy::convert

// GGUF files built byte by byte, right ones and wrong ones. Nothing of src/formats/ is used.
//
//   BuiltFile file = sample_file();
//   file.tensors[1].ne[0] = 33;
//   parse(file.bytes());
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace eddy::test {

using Bytes = std::vector<std::byte>;

// Appends a number, the lowest byte first.
template <class T>
void put_number(Bytes& out, T number) {
  if constexpr (std::is_same_v<T, float>) {
    put_number(out, std::bit_cast<std::uint32_t>(number));
  } else if constexpr (std::is_same_v<T, double>) {
    put_number(out, std::bit_cast<std::uint64_t>(number));
  } else {
    auto rest = static_cast<std::uint64_t>(number);
    for (std::size_t i = 0; i < sizeof number; ++i, rest >>= 8) {
      out.push_back(static_cast<std::byte>(rest & 0xFF));
    }
  }
}

template <class T>
Bytes number_bytes(std::initializer_list<T> numbers) {
  Bytes out;
  for (const T number : numbers) put_number(out, number);
  return out;
}

// Each text as its length, eight bytes, and its bytes.
Bytes text_bytes(const std::vector<std::string>& texts);

struct BuiltEntry {
  std::string key;
  std::uint32_t type = 0;
  Bytes value;
  std::optional<std::uint64_t> key_bytes = {};  // what the file says; by default what is right
};

template <class T>
BuiltEntry number_entry(std::string key, std::uint32_t type, T number) {
  return {std::move(key), type, number_bytes({number})};
}
BuiltEntry text_entry(std::string key, const std::string& text);
BuiltEntry array_entry(std::string key, std::uint32_t type, std::uint64_t n, const Bytes& elements);

struct BuiltTensor {
  std::string name;
  std::vector<std::uint64_t> ne;
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::optional<std::uint32_t> n_dims = {};  // what the file says
  std::optional<std::uint64_t> name_bytes = {};
};

// A length, count, type, extent or offset in the built bytes.
struct Field {
  std::string what;
  std::size_t position = 0;
  std::size_t n_bytes = 0;
};

struct BuiltFile {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::optional<std::uint64_t> n_tensors = {};  // what the file says
  std::optional<std::uint64_t> n_entries = {};
  std::vector<BuiltEntry> entries = {};
  std::vector<BuiltTensor> tensors = {};
  std::uint64_t alignment = 32;  // of the data's start
  std::uint64_t n_data = 0;

  // Data byte i is 7 i + 1. `fields`, if given, gets all fields in order.
  Bytes bytes(std::vector<Field>* fields = nullptr) const;
};

// A value of every type, arrays, and three tensors: f32 {3}, q8_0 {32, 2} and f16 {2, 1, 3}. The
// alignment is 8, which keeps it small.
BuiltFile sample_file();

}  // namespace eddy::test

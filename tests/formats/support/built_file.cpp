#include "formats/support/built_file.h"

#include <span>

namespace eddy::test {
namespace {

class Builder {
 public:
  explicit Builder(std::vector<Field>* fields) : fields_(fields) {}

  void raw(std::string_view text) { raw(std::as_bytes(std::span(text))); }
  void raw(std::span<const std::byte> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

  template <class T>
  void field(const std::string& what, T number) {
    mark(what, 0, sizeof number);
    put_number(out, number);
  }

  void label(const std::string& what, const std::string& text, std::optional<std::uint64_t> said) {
    field(what + ": length", said.value_or(text.size()));
    raw(text);
  }

  void entry(const BuiltEntry& entry) {
    label("key " + entry.key, entry.key, entry.key_bytes);
    field(entry.key + ": type", entry.type);
    if (entry.type == 8) mark(entry.key + ": length", 0, 8);
    if (entry.type == 9) {
      mark(entry.key + ": element type", 0, 4);
      mark(entry.key + ": elements", 4, 8);
      if (entry.value.size() >= 20) mark(entry.key + ": first element", 12, 8);
    }
    raw(entry.value);
  }

  void tensor(const BuiltTensor& tensor) {
    label("tensor " + tensor.name, tensor.name, tensor.name_bytes);
    field(tensor.name + ": extents",
          tensor.n_dims.value_or(static_cast<std::uint32_t>(tensor.ne.size())));
    for (const std::uint64_t extent : tensor.ne) field(tensor.name + ": extent", extent);
    field(tensor.name + ": type", tensor.type);
    field(tensor.name + ": offset", tensor.offset);
  }

  Bytes out;

 private:
  void mark(const std::string& what, std::size_t ahead, std::size_t n_bytes) {
    if (fields_) fields_->push_back({what, out.size() + ahead, n_bytes});
  }

  std::vector<Field>* fields_;
};

}  // namespace

Bytes text_bytes(const std::vector<std::string>& texts) {
  Builder builder(nullptr);
  for (const std::string& text : texts) builder.label("", text, {});
  return builder.out;
}

BuiltEntry text_entry(std::string key, const std::string& text) {
  return {std::move(key), 8, text_bytes({text})};
}

BuiltEntry array_entry(std::string key, std::uint32_t type, std::uint64_t n,
                       const Bytes& elements) {
  Bytes value;
  put_number(value, type);
  put_number(value, n);
  value.insert(value.end(), elements.begin(), elements.end());
  return {std::move(key), 9, value};
}

Bytes BuiltFile::bytes(std::vector<Field>* fields) const {
  Builder builder(fields);
  builder.raw(magic);
  builder.field("version", version);
  builder.field("tensors", n_tensors.value_or(tensors.size()));
  builder.field("entries", n_entries.value_or(entries.size()));
  for (const BuiltEntry& entry : entries) builder.entry(entry);
  for (const BuiltTensor& tensor : tensors) builder.tensor(tensor);
  if (n_data == 0) return builder.out;
  while (builder.out.size() % alignment != 0) builder.out.push_back(std::byte{0});
  for (std::uint64_t i = 0; i < n_data; ++i) {
    builder.out.push_back(static_cast<std::byte>((7 * i + 1) & 0xFF));
  }
  return builder.out;
}

BuiltFile sample_file() {
  BuiltFile file;
  file.entries = {
      text_entry("general.architecture", "mamba"),
      number_entry("general.alignment", 4, std::uint32_t{8}),
      number_entry("n.u8", 0, std::uint8_t{200}),
      number_entry("n.i8", 1, std::int8_t{-100}),
      number_entry("n.u16", 2, std::uint16_t{60'000}),
      number_entry("n.i16", 3, std::int16_t{-30'000}),
      number_entry("n.u32", 4, std::uint32_t{4'000'000'000}),
      number_entry("n.i32", 5, std::int32_t{-2'000'000'000}),
      number_entry("n.f32", 6, 1.5f),
      number_entry("n.bool", 7, std::uint8_t{1}),
      number_entry("n.u64", 10, std::uint64_t{1} << 63),
      number_entry("n.i64", 11, std::int64_t{-1} << 62),
      number_entry("n.f64", 12, -0.1),
      array_entry("a.i32", 5, 3, number_bytes<std::int32_t>({-1, 0, 7})),
      array_entry("a.u8", 0, 2, number_bytes<std::uint8_t>({0, 255})),
      array_entry("a.bool", 7, 3, number_bytes<std::uint8_t>({1, 0, 1})),
      array_entry("a.text", 8, 3, text_bytes({"first", "", std::string("\xFF\0z", 3)})),
      array_entry("a.none", 6, 0, {}),
  };
  file.tensors = {
      {.name = "one", .ne = {3}, .type = 0, .offset = 0},
      {.name = "two", .ne = {32, 2}, .type = 8, .offset = 16},
      {.name = "three", .ne = {2, 1, 3}, .type = 1, .offset = 88},
  };
  file.alignment = 8;
  file.n_data = 100;
  return file;
}

}  // namespace eddy::test

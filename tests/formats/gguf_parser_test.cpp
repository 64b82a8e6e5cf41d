// Every rule of the format: a file that is right but for one thing, and what is said about it.
#include "formats/gguf_parser.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/support/fails_with.h"
#include "formats/gguf.h"
#include "formats/support/built_file.h"
#include "formats/support/gguf_checks.h"

namespace eddy::test {
namespace {

constexpr std::uint64_t kTwo63 = std::uint64_t{1} << 63;
constexpr std::uint64_t kMax = ~std::uint64_t{0};

BuiltEntry& entry_of(BuiltFile& file, std::string_view key) {
  return *std::ranges::find(file.entries, key, &BuiltEntry::key);
}

struct Rule {
  std::string name;
  std::function<void(BuiltFile&)> break_it;
  std::vector<std::string_view> message;
  ErrorCode code = ErrorCode::kMalformed;
};

void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }

class GgufRule : public ::testing::TestWithParam<Rule> {};

TEST_P(GgufRule, IsEnforced) {
  BuiltFile file = sample_file();
  GetParam().break_it(file);
  const Bytes bytes = file.bytes();
  const auto parsed = GgufFile::parse(bytes, "m.gguf");
  EXPECT_TRUE(fails_with(parsed, GetParam().code, {"m.gguf: "}));
  for (const std::string_view part : GetParam().message) {
    EXPECT_TRUE(fails_with(parsed, GetParam().code, {part}));
  }
}

// A change of the file's head.
Rule head(std::string name, std::function<void(BuiltFile&)> break_it,
          std::vector<std::string_view> message, ErrorCode code = ErrorCode::kMalformed) {
  return {std::move(name), std::move(break_it), std::move(message), code};
}

// A change of the tensor "two", which is q8_0 {32, 2}.
Rule tensor(std::string name, std::function<void(BuiltTensor&)> break_it,
            std::vector<std::string_view> message, ErrorCode code = ErrorCode::kMalformed) {
  return {std::move(name), [=](BuiltFile& file) { break_it(file.tensors[1]); }, std::move(message),
          code};
}

// A value in place of that of "a.i32".
Rule value(std::string name, std::uint32_t type, Bytes bytes,
           std::vector<std::string_view> message) {
  const auto break_it = [=](BuiltFile& file) {
    entry_of(file, "a.i32").type = type;
    entry_of(file, "a.i32").value = bytes;
  };
  return {std::move(name), break_it, std::move(message)};
}

// An array in place of that of "a.i32", the file's end right behind it.
Rule array(std::string name, std::uint32_t type, std::uint64_t n, Bytes bytes,
           std::vector<std::string_view> message) {
  const auto break_it = [=](BuiltFile& file) {
    file = {.entries = {array_entry("a.i32", type, n, bytes)}};
  };
  return {std::move(name), break_it, std::move(message)};
}

Rule alignment(std::string name, BuiltEntry entry, std::vector<std::string_view> message) {
  entry.key = "general.alignment";
  const auto break_it = [=](BuiltFile& file) { entry_of(file, "general.alignment") = entry; };
  message.push_back("general.alignment");
  return {std::move(name), break_it, std::move(message)};
}

constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

const Rule kHeadRules[] = {
    head("Magic", [](BuiltFile& f) { f.magic = "GGML"; }, {"\"GGML\"", "\"GGUF\""}),
    head("MagicThatIsNotText", [](BuiltFile& f) { f.magic = "\x80\n\x01G"; }, {"\\x80\\x0a\\x01G"}),
    head("MagicInLowerCase", [](BuiltFile& f) { f.magic = "gguf"; }, {"\"gguf\""}),
    head(
        "Version0", [](BuiltFile& f) { f.version = 0; }, {"version 0"}, kUnsupported),
    head(
        "Version1", [](BuiltFile& f) { f.version = 1; }, {"version 1", "2 or 3"}, kUnsupported),
    head(
        "Version4", [](BuiltFile& f) { f.version = 4; }, {"version 4"}, kUnsupported),
    head(
        "BigEndian", [](BuiltFile& f) { f.version = 3u << 24; }, {"big-endian"}, kUnsupported),
    head(
        "BigEndian2", [](BuiltFile& f) { f.version = 2u << 24; }, {"big-endian"}, kUnsupported),
    head("TensorsBelow0", [](BuiltFile& f) { f.n_tensors = kTwo63; }, {"9223372036854775808 tens"}),
    head("Tensors", [](BuiltFile& f) { f.n_tensors = 65537; }, {"65537 tensors", "65536"}),
    head("TensorsThatDoNotFit", [](BuiltFile& f) { f.n_tensors = 1000; },
         {"1000 tensors", "bytes follow"}),
    head("OneTensorTooMany", [](BuiltFile& f) { f.n_tensors = 4; }, {}),
    head("EntriesBelow0", [](BuiltFile& f) { f.n_entries = kMax; }, {"metadata entries", "8192"}),
    head("Entries", [](BuiltFile& f) { f.n_entries = 8193; }, {"8193 metadata entries"}),
    head("EntriesThatDoNotFit", [](BuiltFile& f) { f.n_entries = 1000; },
         {"1000 metadata entries", "bytes follow"}),
    head("OneEntryTooMany", [](BuiltFile& f) { ++f.n_entries.emplace(f.entries.size()); }, {}),
};

const Rule kEntryRules[] = {
    head("EmptyKey", [](BuiltFile& f) { f.entries[2].key = ""; }, {"key 2", "empty"}),
    head("LongKey", [](BuiltFile& f) { f.entries[2].key = std::string(65536, 'k'); },
         {"key 2", "65536 bytes", "65535"}),
    head("KeyPastTheEnd", [](BuiltFile& f) { f.entries[2].key_bytes = 60'000; },
         {"key 2", "bytes left", "60000"}),
    head("KeyOf2To64Bytes", [](BuiltFile& f) { f.entries[2].key_bytes = kMax; }, {"key 2"}),
    head("SameKeyTwice", [](BuiltFile& f) { f.entries[4].key = f.entries[7].key; },
         {"n.i32: this key is there twice"}),
    head("SameAlignmentTwice", [](BuiltFile& f) { f.entries.push_back(f.entries[1]); },
         {"general.alignment: this key is there twice"}),
    value("ValueType", 13, {}, {"a.i32: ", "value type 13", "0 .. 12"}),
    value("ValueTypeOf32Bits", 0xFFFFFFFF, {}, {"a.i32: ", "4294967295"}),
    value("BoolOf2", 7, number_bytes<std::uint8_t>({2}), {"a.i32: bool: 2, expected 0 or 1"}),
    value("BoolOf255", 7, number_bytes<std::uint8_t>({255}), {"bool: 255"}),
    value("LongString", 8, number_bytes<std::uint64_t>({(16u << 20) + 1}),
          {"a.i32: string: 16777217 bytes", "16777216"}),
    value("StringOf2To64Bytes", 8, number_bytes<std::uint64_t>({kMax}), {"a.i32: string"}),
    value("StringPastTheEnd", 8, number_bytes<std::uint64_t>({100'000}),
          {"a.i32: string", "bytes left", "100000"}),
    array("ElementType", 13, 0, {}, {"a.i32: element type 13"}),
    array("ArrayOfArrays", 9, 0, {}, {"a.i32: an array of arrays"}),
    array("Elements", 0, (1u << 30) + 1, {}, {"1073741825 elements", "1073741824"}),
    array("ElementsThatOverflow", 12, kMax / 8 + 1, Bytes(8), {"a.i32: 2305843009213693952"}),
    array("ElementsBelow0", 0, kMax, Bytes(8), {"18446744073709551615 elements"}),
    array("OneElementTooMany", 3, 5, Bytes(9), {"5 elements", "9 bytes follow"}),
    array("StringsThatDoNotFit", 8, 3, Bytes(23), {"3 elements", "23 bytes follow"}),
    array("StringElementPastTheEnd", 8, 2, number_bytes<std::uint64_t>({9, 0}),
          {"element: 8 bytes left", "expected 9"}),
    array("StringElementCut", 8, 2, number_bytes<std::uint64_t>({1, 0}),
          {"element: 7 bytes left", "expected 8"}),
    array("BoolElementOf2", 7, 3, number_bytes<std::uint8_t>({1, 0, 2}), {"a.i32: bool: 2"}),
    alignment("AlignmentOf0", number_entry("", 4, std::uint32_t{0}),
              {"0, expected a power of two"}),
    alignment("AlignmentOf4", number_entry("", 4, std::uint32_t{4}), {"4, expected"}),
    alignment("AlignmentOf24", number_entry("", 4, std::uint32_t{24}), {"24, expected"}),
    alignment("AlignmentOf2MiB", number_entry("", 4, std::uint32_t{1} << 21),
              {"2097152", "1048576"}),
    alignment("AlignmentOf64Bits", number_entry("", 10, std::uint64_t{8}), {"u64, expected u32"}),
    alignment("SignedAlignment", number_entry("", 5, std::int32_t{8}), {"i32, expected u32"}),
    alignment("AlignmentInWords", text_entry("", "8"), {"string, expected u32"}),
    alignment("AlignmentsInAnArray", array_entry("", 4, 1, Bytes(4)), {"array of u32"}),
};

const Rule kTensorRules[] = {
    tensor("EmptyName", [](BuiltTensor& t) { t.name = ""; }, {"tensor 1", "empty"}),
    tensor("LongName", [](BuiltTensor& t) { t.name = std::string(64, 'n'); },
           {"tensor 1", "64 bytes", "63"}),
    tensor("NameOf2To64Bytes", [](BuiltTensor& t) { t.name_bytes = kMax; }, {"tensor 1"}),
    tensor("SameNameTwice", [](BuiltTensor& t) { t.name = "one"; },
           {"one: this tensor is there twice"}),
    tensor("NoExtents", [](BuiltTensor& t) { t.ne = {}; }, {"two: 0 extents", "1 .. 4"}),
    tensor("FiveExtents",
           [](BuiltTensor& t) {
             t.ne = {32, 2, 1, 1, 1};
           },
           {"two: 5 extents"}),
    tensor("ExtentsOf32Bits", [](BuiltTensor& t) { t.n_dims = 0xFFFFFFFF; }, {"4294967295 ext"}),
    tensor("ExtentOf0", [](BuiltTensor& t) { t.ne[1] = 0; }, {"two: extent 1: 0"}),
    tensor("ExtentBelow0", [](BuiltTensor& t) { t.ne[1] = kMax; }, {"two: extent 1: -1"}),
    tensor("FirstExtentOf0", [](BuiltTensor& t) { t.ne[0] = 0; }, {"two: extent 0: 0"}),
    tensor("ElementsThatOverflow",
           [](BuiltTensor& t) {
             t.ne = {1u << 31, 1u << 31, 32};
           },
           {"two: 2^63 or more elements"}),
    tensor("BytesThatOverflow",
           [](BuiltTensor& t) {
             t.type = 28, t.ne = {1u << 31, 1u << 31};
           },
           {"two: 2^63 or more bytes"}),
    tensor(
        "UnknownType", [](BuiltTensor& t) { t.type = 43; }, {"two: tensor type 43"}, kUnsupported),
    tensor(
        "RemovedType", [](BuiltTensor& t) { t.type = 4; }, {"two: tensor type 4"}, kUnsupported),
    tensor(
        "TypeOf32Bits", [](BuiltTensor& t) { t.type = 0xFFFFFFFF; }, {"4294967295"}, kUnsupported),
    tensor("RowOfNoWholeBlocks", [](BuiltTensor& t) { t.ne[0] = 33; },
           {"two: rows of 33", "multiple of 32 (Q8_0)"}),
    tensor("UnalignedOffset", [](BuiltTensor& t) { t.offset = 17; }, {"two: offset 17", "16"}),
    tensor("Gap", [](BuiltTensor& t) { t.offset = 24; }, {"two: offset 24", "16"}),
    tensor("Overlap", [](BuiltTensor& t) { t.offset = 8; }, {"two: offset 8", "16"}),
    tensor("SameData", [](BuiltTensor& t) { t.offset = 0; }, {"two: offset 0", "16"}),
    tensor("OffsetOf2To64", [](BuiltTensor& t) { t.offset = kMax - 7; }, {"two: offset"}),
    head("FirstOffset", [](BuiltFile& f) { f.tensors[0].offset = 8; }, {"one: offset 8", "0"}),
    head("OtherOrder", [](BuiltFile& f) { std::swap(f.tensors[0], f.tensors[1]); },
         {"two: offset 16", "0"}),
    head("DataCutByAByte", [](BuiltFile& f) { f.n_data = 99; }, {"three: its data ends", "cut"}),
    head("NoData", [](BuiltFile& f) { f.n_data = 0; }, {"one: its data ends", "cut"}),
    head("PaddingThatOverflows",
         [](BuiltFile& f) {
           f.tensors = {{.name = "one", .ne = {kTwo63 - 1}, .type = 24, .offset = 0},
                        {.name = "two", .ne = {kTwo63 - 1}, .type = 24, .offset = kTwo63}};
         },
         {"two: 2^64 or more bytes"}),
    head("DataThatEndsAt2To63",
         [](BuiltFile& f) {
           f.tensors = {{.name = "one", .ne = {kTwo63 - 1}, .type = 24, .offset = 0}};
         },
         {"one: its data ends at byte 92233720368"}),
};

const auto rule_name = [](const auto& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Head, GgufRule, ::testing::ValuesIn(kHeadRules), rule_name);
INSTANTIATE_TEST_SUITE_P(Entry, GgufRule, ::testing::ValuesIn(kEntryRules), rule_name);
INSTANTIATE_TEST_SUITE_P(Tensor, GgufRule, ::testing::ValuesIn(kTensorRules), rule_name);

}  // namespace
}  // namespace eddy::test

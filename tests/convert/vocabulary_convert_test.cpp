// Tokenizers' files: what they become, and what is refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "base/support/fails_with.h"
#include "convert/rwkv_vocabulary.h"
#include "convert/sentencepiece_model.h"
#include "convert/support/built_checkpoint.h"
#include "convert/tokenizer_json.h"

namespace eddy::test {
namespace {

using convert::read_rwkv_vocabulary;
using convert::read_sentencepiece_model;
using convert::read_tokenizer_json;
using nlohmann::json;

// --- RWKV's own ----------------------------------------------------------------------------------

TEST(RwkvVocabulary, ReadsEachKindOfLiteral) {
  const auto vocabulary = read_rwkv_vocabulary(
      "1 'a b' 3\n"
      "2 \"it's\" 4\n"
      "3 b'\\xff\\x00' 2\n"
      "4 '\\n\\t\\r\\\\\\'\\\"' 6\n"
      "5 '\xC3\xA9\\xe9\\u4e2d\\U0001f600' 11\n"
      "7 ' ' 1\r\n",
      9);
  ASSERT_TRUE(succeeds(vocabulary));
  const std::vector<std::string> texts = {"<s>",
                                          "a b",
                                          "it's",
                                          std::string("\xFF\0", 2),
                                          "\n\t\r\\'\"",
                                          "\xC3\xA9\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80",
                                          "",
                                          " ",
                                          ""};
  EXPECT_EQ(vocabulary->texts, texts);
  EXPECT_EQ(vocabulary->type(0), TokenType::kControl);
  EXPECT_EQ(vocabulary->type(1), TokenType::kNormal);
  EXPECT_EQ(vocabulary->eos, Token(0));
}

TEST(RwkvVocabulary, RefusesTheRest) {
  for (const std::string line :
       {"x 'a' 1", "1 'a'", "1", "", "1 a 1", "1 'a 1", "1 'a\" 1", "1 '\\q' 2", "1 '\\x4' 1",
        "1 '\\ud800' 3", "1 b'\\u0041' 1", "1 'a' x", "1 ' 1", "1 '\\' 1", "1 '\\U00110000' 4"}) {
    EXPECT_TRUE(fails_with(read_rwkv_vocabulary("2 'b' 1\n" + line + "\n3 'c' 1", 9),
                           ErrorCode::kMalformed, {"line 2: \"", "expected an id, a literal"}))
        << line;
  }
  EXPECT_TRUE(fails_with(read_rwkv_vocabulary("1 'ab' 3", 9), ErrorCode::kMalformed,
                         {"line 1: \"1 'ab' 3\": 2 bytes"}));
  EXPECT_TRUE(fails_with(read_rwkv_vocabulary("1 'a' 1\n1 'b' 1", 9), ErrorCode::kMalformed,
                         {"line 2: tokens \"a\" and \"b\": one id, 1"}));
  for (const std::string id : {"9", "-1", "99999999999999"}) {
    EXPECT_TRUE(fails_with(read_rwkv_vocabulary(id + " 'a' 1", 9), ErrorCode::kMalformed,
                           {"token \"a\": id " + id + ", expected 0 .. 8"}));
  }
}

// --- tokenizer.model -----------------------------------------------------------------------------

std::string varint(std::uint64_t n) {
  std::string bytes;
  for (; n >= 128; n >>= 7) bytes += static_cast<char>(n | 128);
  return bytes + static_cast<char>(n);
}
std::string number_field(unsigned field, std::uint64_t n) { return varint(field << 3) + varint(n); }
std::string bytes_field(unsigned field, const std::string& bytes) {
  return varint(field << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string piece(const std::string& text, float score, unsigned type) {
  std::string score_bytes(4, 0);
  std::memcpy(score_bytes.data(), &score, 4);
  return bytes_field(1, bytes_field(1, text) + varint(2 << 3 | 5) + score_bytes +
                            (type == 1 ? "" : number_field(3, type)));
}
std::string sentencepiece(unsigned model_type = 2) {
  return piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) + piece("<0x0A>", 0, 6) +
         piece("\xE2\x96\x81", -1, 1) + piece("\xE2\x96\x81\xE2\x96\x81", -2, 4) +
         bytes_field(2, number_field(3, model_type) + number_field(40, 0) + number_field(41, 1) +
                            number_field(42, 2) + number_field(43, ~std::uint64_t{0}) +
                            bytes_field(1, "input")) +
         bytes_field(3, number_field(3, 0));
}

TEST(SentencePieceModel, ReadsPiecesAndHabits) {
  const auto vocabulary = read_sentencepiece_model(sentencepiece(), 8);
  ASSERT_TRUE(succeeds(vocabulary));
  const std::vector<std::string> texts = {"<unk>",        "<s>", "</s>", "<0x0A>",
                                          "\xE2\x96\x81", "  ",  "",     ""};
  EXPECT_EQ(vocabulary->texts, texts);
  const std::vector<TokenType> types = {
      TokenType::kUnknown, TokenType::kControl,     TokenType::kControl,   TokenType::kByte,
      TokenType::kNormal,  TokenType::kUserDefined, TokenType::kUndefined, TokenType::kUndefined};
  EXPECT_EQ(vocabulary->types, types);
  EXPECT_EQ(vocabulary->scores[4], -1);
  EXPECT_EQ(vocabulary->bos, Token(1));
  EXPECT_EQ(vocabulary->eos, Token(2));
  EXPECT_EQ(vocabulary->unknown, Token(0));
  EXPECT_FALSE(vocabulary->add_space_prefix);
  EXPECT_EQ(vocabulary->add_bos, true);
}

TEST(SentencePieceModel, RefusesTheRest) {
  const auto refuses = [](const std::string& bytes, ErrorCode code, std::string_view message) {
    EXPECT_TRUE(fails_with(read_sentencepiece_model(bytes, 8), code, {message}));
  };
  refuses("", ErrorCode::kMalformed, "no pieces");
  refuses(sentencepiece(1), ErrorCode::kUnsupported, "a model of type 1, expected 2, BPE");
  refuses(piece("a", 0, 7), ErrorCode::kMalformed, "piece 0, \"a\": type 7 and score 0");
  refuses(piece("a", NAN, 1), ErrorCode::kMalformed, "piece 0, \"a\": type 1 and score nan");
  refuses("\x0B", ErrorCode::kMalformed, "byte 1: a field of an unknown type");
  refuses(std::string(11, '\xFF'), ErrorCode::kMalformed, "a number of more than 64 bits");
  refuses(std::string(1, '\0'), ErrorCode::kMalformed, "no field's tag");
  refuses(
      "\x0A\x05"
      "ab",
      ErrorCode::kMalformed, "cut short");
  EXPECT_TRUE(fails_with(read_sentencepiece_model(sentencepiece(), 5), ErrorCode::kMalformed,
                         {"id 5, expected 0 .. 4, as the embedding has 5 rows"}));
}

TEST(SentencePieceModel, SurvivesEveryDamage) {
  const std::string right = sentencepiece();
  for (std::size_t i = 0; i < right.size(); ++i) {
    (void)read_sentencepiece_model(right.substr(0, i), 8);
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = right;
      bytes[i] = static_cast<char>(bytes[i] ^ 1 << bit);
      const auto vocabulary = read_sentencepiece_model(bytes, 8);
      EXPECT_TRUE(!vocabulary || vocabulary->texts.size() == 8);
    }
  }
}

// --- tokenizer.json ------------------------------------------------------------------------------

json byte_level() {
  return json::parse(R"({
    "added_tokens": [{"id": 0, "content": "<|end|>", "special": true},
                     {"id": 5, "content": "  ", "special": false},
                     {"id": 6, "content": "<|im_start|>", "special": false}],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "model": {"type": "BPE", "vocab": {"a": 1, "b": 2, "ab": 3}, "merges": ["a b"]}})");
}

TEST(TokenizerJson, ReadsByteLevelBpe) {
  for (const json& merges : {json::parse(R"(["a b"])"), json::parse(R"([["a","b"]])")}) {
    json file = byte_level();
    file["model"]["merges"] = merges;
    const auto vocabulary = read_tokenizer_json(file, 8);
    ASSERT_TRUE(succeeds(vocabulary));
    EXPECT_EQ(vocabulary->model, VocabularyModel::kBpe);
    EXPECT_EQ(vocabulary->pre, "gpt-2");
    EXPECT_EQ(vocabulary->merges, std::vector<std::string>{"a b"});
    EXPECT_EQ(vocabulary->texts,
              (std::vector<std::string>{"<|end|>", "a", "b", "ab", "", "  ", "<|im_start|>", ""}));
    EXPECT_EQ(vocabulary->type(0), TokenType::kControl);
    EXPECT_EQ(vocabulary->type(3), TokenType::kNormal);
    EXPECT_EQ(vocabulary->type(5), TokenType::kUserDefined);
    EXPECT_EQ(vocabulary->type(6), TokenType::kControl) << "it looks like one";
    EXPECT_EQ(vocabulary->add_bos, false);
  }
}

TEST(TokenizerJson, SeesWhatIsPutBeforeAText) {
  json file = byte_level();
  file["post_processor"] = json::parse(R"({"type":"Sequence","processors":[{"type":"ByteLevel"},
    {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|end|>"}},{"Sequence":{}}]}]})");
  const auto vocabulary = read_tokenizer_json(file, 8);
  ASSERT_TRUE(succeeds(vocabulary));
  EXPECT_EQ(vocabulary->add_bos, true);
  EXPECT_EQ(vocabulary->bos, Token(0));
}

json sentencepiece_json() {
  return json::parse(R"({
    "added_tokens": [{"id": 1, "content": "<s>", "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "pre_tokenizer": null,
    "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
      "vocab": {"<unk>": 0, "<0x0A>": 2, "a": 3, "b": 4, "ab": 5, "bab": 6, "ba": 7},
      "merges": ["b a", "a b", "ba b", "b ab"]}})");
}

TEST(TokenizerJson, ReadsSentencePiecesWithTheOrderOfTheirMerges) {
  const auto vocabulary = read_tokenizer_json(sentencepiece_json(), 8);
  ASSERT_TRUE(succeeds(vocabulary));
  EXPECT_EQ(vocabulary->model, VocabularyModel::kSpm);
  EXPECT_EQ(vocabulary->type(0), TokenType::kUnknown);
  EXPECT_EQ(vocabulary->type(1), TokenType::kControl);
  EXPECT_EQ(vocabulary->type(2), TokenType::kByte);
  EXPECT_TRUE(vocabulary->merges.empty());
  EXPECT_TRUE(vocabulary->add_space_prefix);
  const auto score = [&](std::size_t i) { return vocabulary->scores[i]; };
  EXPECT_EQ(score(7), 0);
  EXPECT_EQ(score(5), -1);
  EXPECT_EQ(score(6), -2);
  EXPECT_LT(score(3), -2);
}

TEST(TokenizerJson, KnowsTheWaysToCutWords) {
  const auto name = [](const char* pre, bool ignore_merges = false) {
    const json file = {{"pre_tokenizer", json::parse(pre)},
                       {"model", {{"ignore_merges", ignore_merges}}}};
    const auto found = convert::pre_tokenizer_name(file);
    return found ? *found : found.error().message;
  };
  EXPECT_EQ(name(R"({"type":"ByteLevel","add_prefix_space":false})"), "gpt-2");
  EXPECT_EQ(name(R"({"type":"Sequence","pretokenizers":[{"type":"Punctuation","behavior":
    "Contiguous"},{"type":"ByteLevel","add_prefix_space":false},{"type":"Digits",
    "individual_digits":false},{"type":"Split","pattern":{"Regex":"[0-9][0-9][0-9]"}}]})"),
            "falcon");
  EXPECT_EQ(name(R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
    {"type":"ByteLevel","add_prefix_space":false}]})"),
            "starcoder");
  const std::string words =
      R"--((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|)--"
      R"--( ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)--";
  const std::string llama =
      R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":")" + words +
      R"("}},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]})";
  EXPECT_EQ(name(llama.c_str(), true), "llama-bpe");
  EXPECT_EQ(name(llama.c_str(), false), "dbrx");
  EXPECT_EQ(name(R"({"type":"Split","pattern":{"String":" "}})"),
            "pre_tokenizer: a way to cut words that is not known:  ");
  EXPECT_EQ(name(R"({"type":"ByteLevel"})"),
            "pre_tokenizer: a way to cut words that is not known: a space before");
}

TEST(TokenizerJson, RefusesTheRest) {
  const auto refuses = [](const std::function<void(json&)>& change, ErrorCode code,
                          std::string_view message) {
    json file = byte_level();
    change(file);
    EXPECT_TRUE(fails_with(read_tokenizer_json(file, 8), code, {message}));
  };
  const auto no = ErrorCode::kUnsupported, bad = ErrorCode::kMalformed;
  refuses([](json& f) { f = 1; }, no, "a tokenizer of type \"\", expected BPE");
  refuses([](json& f) { f["model"]["type"] = "Unigram"; }, no, "a tokenizer of type \"Unigram\"");
  refuses([](json& f) { f["pre_tokenizer"] = nullptr; }, no, "expected BPE, of bytes or with");
  refuses([](json& f) { f["model"]["vocab"] = 1; }, bad, "model.vocab: number, expected an object");
  refuses([](json& f) { f["model"]["vocab"]["x"] = "1"; }, bad, "\"x\": string, expected an id");
  refuses([](json& f) { f["model"]["vocab"]["x"] = 1; }, bad, "one id, 1");
  refuses([](json& f) { f["model"]["vocab"]["x"] = 8; }, bad, "id 8, expected 0 .. 7");
  refuses([](json& f) { f["model"]["vocab"]["x"] = -1; }, bad, "id -1, expected 0 .. 7");
  refuses([](json& f) { f["model"].erase("merges"); }, bad,
          "model.merges: null, expected an array");
  refuses([](json& f) { f["model"]["merges"] = {1}; }, bad, "merge 0: number, expected two texts");
  refuses([](json& f) { f["added_tokens"] = {1}; }, bad, "a token without id and content");
  refuses([](json& f) { f["added_tokens"][0]["id"] = 99; }, bad, "id 99, expected 0 .. 7");
}

}  // namespace
}  // namespace eddy::test

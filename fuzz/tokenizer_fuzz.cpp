// A vocabulary and a text, both from a hostile source, through a GGUF file.
//
// The first byte chooses: bit 0, SentencePiece or byte-level BPE; bit 1, all 256 bytes are tokens;
// bits 2 to 5, the pre-tokenizer; bit 6, RWKV's World whatever bit 0 says. The rest is lines: a
// token's text after its type, 0 to 7; a merge after "m"; the last line is the text. Oracle: tokens
// lie in the vocabulary; with all bytes as tokens their bytes are the text.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "require.h"
#include "text/tokenizer.h"

namespace {

using namespace eddy;

struct Input {
  bool is_spm = false;
  bool is_world = false;
  bool has_bytes = false;
  std::size_t pre = 0;
  std::vector<std::string> tokens = {};
  std::vector<std::int32_t> types = {};
  std::vector<float> scores = {};
  std::vector<std::string> merges = {};
  std::string text = {};

  void add(std::string token, std::int32_t type) {
    tokens.push_back(std::move(token));
    types.push_back(type);
    scores.push_back(static_cast<float>(tokens.size() % 5));
  }
};

// A byte in the alphabet of byte-level BPE; it is below U+0800.
std::string alphabet_text(unsigned byte, unsigned& substitute) {
  const bool is_printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
  const unsigned c = is_printable ? byte : substitute++;
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
}

void add_bytes(Input& input) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  constexpr std::int32_t kNormal = 1, kByte = 6;
  unsigned substitute = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (input.is_world) {
      input.add({'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]}, kNormal);
    } else if (input.is_spm) {
      input.add({'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'}, kByte);
    } else {
      input.add(alphabet_text(byte, substitute), kNormal);
    }
  }
}

Input parse(std::string_view data) {
  Input input;
  const auto how = static_cast<unsigned char>(data[0]);
  input.is_spm = how & 1;
  input.has_bytes = how & 2;
  input.pre = how >> 2 & 15;
  input.is_world = how & 64;
  if (input.has_bytes) add_bytes(input);
  data.remove_prefix(1);
  for (std::size_t end = data.find('\n'); end != data.npos; end = data.find('\n')) {
    const std::string_view line = data.substr(0, end);
    data.remove_prefix(end + 1);
    if (line.empty()) continue;
    const std::string rest(line.substr(1));
    if (line[0] == 'm') {
      input.merges.push_back(rest);
    } else {
      input.add(rest, line[0] & 7);
    }
  }
  input.text = data;
  return input;
}

std::vector<std::byte> file_of(const Input& input) {
  constexpr const char* kPre[] = {"gpt-2",   "llama-bpe", "qwen2",     "qwen35",
                                  "tekken",  "kimi-k2",   "starcoder", "falcon",
                                  "default", "dbrx",      "no such"};
  GgufWriter writer;
  writer.add("tokenizer.ggml.model", input.is_world ? "rwkv" : input.is_spm ? "llama" : "gpt2");
  writer.add("tokenizer.ggml.pre", kPre[input.pre % std::size(kPre)]);
  writer.add("tokenizer.ggml.tokens", input.tokens);
  writer.add("tokenizer.ggml.token_type", input.types);
  writer.add("tokenizer.ggml.scores", input.scores);
  writer.add("tokenizer.ggml.merges", input.merges);
  writer.add("tokenizer.ggml.add_bos_token", input.pre % 2 == 0);
  std::vector<std::byte> bytes;
  const auto sink = [&](std::span<const std::byte> more) -> Status {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  };
  const Status written = writer.write(sink, [](std::size_t, const GgufSink&) { return Status(); });
  require(written.ok(), "the file cannot be written");
  return bytes;
}

void check(const Tokenizer& tokenizer, const Input& input, bool begin, bool parse_special) {
  std::string bytes;
  for (const Token token : tokenizer.encode(input.text, begin, parse_special)) {
    const bool is_in =
        token.value >= 0 && static_cast<std::size_t>(token.value) < input.tokens.size();
    require(is_in, "a token outside the vocabulary");
    bytes += tokenizer.bytes(token);
    (void)tokenizer.is_end(token);
  }
  if (input.has_bytes && !begin && !parse_special) require(bytes == input.text, "other bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const Input input = parse({reinterpret_cast<const char*>(data), size});
  const std::vector<std::byte> bytes = file_of(input);
  const auto file = GgufFile::parse(bytes, "fuzz");
  require(file.ok(), "the file cannot be read");
  const auto tokenizer = load_tokenizer(*file);
  if (!tokenizer.ok()) return 0;
  for (int how = 0; how < 4; ++how) check(**tokenizer, input, how & 1, how & 2);
  return 0;
}

// Tokenizers' files from a hostile source.
//
// The first byte chooses the kind: 0 mod 3, tokenizer.json; 1, tokenizer.model; 2, RWKV's list.
// Oracle: what is accepted has as many tokens as were asked for, and ids inside.
#include <cstdint>

#include "convert/rwkv_vocabulary.h"
#include "convert/sentencepiece_model.h"
#include "convert/tokenizer_json.h"
#include "formats/json_text.h"
#include "require.h"

namespace {

using namespace eddy;

constexpr std::int64_t kTokens = 300;

Result<Vocabulary> read(unsigned kind, std::string_view text) {
  if (kind % 3 == 1) return convert::read_sentencepiece_model(text, kTokens);
  if (kind % 3 == 2) return convert::read_rwkv_vocabulary(text, kTokens);
  const auto json = parse_json(text);
  return json ? convert::read_tokenizer_json(*json, kTokens) : json.error();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto vocabulary = read(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  if (!vocabulary) {
    require(!vocabulary.error().message.empty(), "an error without a message");
    return 0;
  }
  require(vocabulary->n_tokens() == kTokens, "another number of tokens");
  require(vocabulary->types.size() == vocabulary->texts.size(), "another number of types");
  for (const auto token : {vocabulary->bos, vocabulary->eos, vocabulary->unknown}) {
    require(!token || (token->value >= 0 && token->value < kTokens), "an id outside");
  }
  return 0;
}

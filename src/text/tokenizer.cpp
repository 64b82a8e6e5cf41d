#include "text/tokenizer.h"

#include <utility>

#include "base/error.h"
#include "text/text_tokenizer.h"
#include "text/vocabulary_loader.h"

namespace eddy {

Result<std::unique_ptr<const Tokenizer>> load_tokenizer(const GgufFile& file) {
  Result<Vocabulary> vocabulary = load_vocabulary(file);
  if (!vocabulary) return prefixed(file.name(), std::move(vocabulary).error());
  auto tokenizer = make_tokenizer(std::move(*vocabulary));
  if (!tokenizer) return prefixed(file.name(), std::move(tokenizer).error());
  return tokenizer;
}

}  // namespace eddy

#include "convert/sentencepiece_model.h"

#include <cmath>
#include <string>

#include "base/error.h"
#include "base/try.h"
#include "convert/protobuf.h"
#include "convert/token_list.h"
#include "formats/gguf_value.h"
#include "text/space_mark.h"

namespace eddy::convert {
namespace {

using Field = Protobuf::Field;
using Wire = Protobuf::Wire;

// Numbers of fields and types, part of the format: ModelProto has 1 pieces, 2 trainer_spec and
// 3 normalizer_spec. Types of pieces are those of GGUF.
constexpr std::uint64_t kBpe = 2;

struct Piece {
  std::string text = {};
  float score = 0;
  std::uint64_t type = 1;
};

// Calls visit(field) for each field of the message.
template <class Visit>
Status each_field(std::string_view bytes, const Visit& visit) {
  Protobuf message(bytes);
  while (!message.at_end()) {
    EDDY_TRY_ASSIGN(const Field field, message.next());
    EDDY_TRY(visit(field));
  }
  return {};
}

class ModelReader {
 public:
  ModelReader(Vocabulary& vocabulary, std::int64_t n_vocab)
      : vocabulary_(vocabulary), tokens_(vocabulary, n_vocab) {
    vocabulary.model = VocabularyModel::kSpm;
    vocabulary.add_space_prefix = true;
    vocabulary.add_bos = true;
  }

  Status read(std::string_view bytes) {
    EDDY_TRY(each_field(bytes, [&](const Field& field) -> Status {
      if (field.wire != Wire::kBytes) return {};
      switch (field.number) {
        case 1: return piece(field.bytes);
        case 2: return trainer(field.bytes);
        case 3: return normalizer(field.bytes);
        default: return {};
      }
    }));
    if (n_pieces_ == 0) return fail(ErrorCode::kMalformed, "no pieces");
    if (type_ == kBpe) return {};
    return fail(ErrorCode::kUnsupported, "a model of type {}, expected {}, BPE", type_, kBpe);
  }

 private:
  Status piece(std::string_view bytes) {
    Piece piece;
    EDDY_TRY(each_field(bytes, [&](const Field& field) -> Status {
      if (field.number == 1 && field.wire == Wire::kBytes) piece.text = field.bytes;
      if (field.number == 2 && field.wire == Wire::kFixed32) piece.score = field.as_float();
      if (field.number == 3 && field.wire == Wire::kVarint) piece.type = field.value;
      return {};
    }));
    if (piece.type < 1 || piece.type > 6 || !std::isfinite(piece.score)) {
      return fail(ErrorCode::kMalformed,
                  "piece {}, \"{}\": type {} and score {}, expected 1 .. 6 and a number", n_pieces_,
                  printable(piece.text), piece.type, piece.score);
    }
    const auto type = static_cast<TokenType>(piece.type);
    if (type == TokenType::kUserDefined) piece.text = with_spaces(piece.text);
    return tokens_.add(n_pieces_++, std::move(piece.text), type, piece.score);
  }

  Status trainer(std::string_view bytes) {
    return each_field(bytes, [&](const Field& field) -> Status {
      if (field.wire != Wire::kVarint) return {};
      switch (field.number) {
        case 3: type_ = field.value; break;
        case 40: vocabulary_.unknown = id(field.value); break;
        case 41: vocabulary_.bos = id(field.value); break;
        case 42: vocabulary_.eos = id(field.value); break;
        default: break;
      }
      return {};
    });
  }

  Status normalizer(std::string_view bytes) {
    return each_field(bytes, [&](const Field& field) -> Status {
      if (field.number == 3 && field.wire == Wire::kVarint) {
        vocabulary_.add_space_prefix = field.value != 0;
      }
      return {};
    });
  }

  // -1, which is "none", is a large number here.
  std::optional<Token> id(std::uint64_t value) const {
    if (value >= vocabulary_.texts.size()) return std::nullopt;
    return Token(static_cast<std::int32_t>(value));
  }

  Vocabulary& vocabulary_;
  TokenList tokens_;
  std::int64_t n_pieces_ = 0;
  std::uint64_t type_ = 1;  // the format's default, Unigram
};

}  // namespace

Result<Vocabulary> read_sentencepiece_model(std::string_view bytes, std::int64_t n_vocab) {
  Vocabulary vocabulary;
  EDDY_TRY(ModelReader(vocabulary, n_vocab).read(bytes));
  return vocabulary;
}

}  // namespace eddy::convert

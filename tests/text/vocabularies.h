// Vocabularies for tests, and the obvious ways to encode with them.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace eddy::test {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// A byte in the alphabet of byte-level BPE.
std::string alphabet_text(unsigned char byte);
std::string alphabet_text(std::string_view bytes);

// "<0x0A>" for 10.
std::string byte_token_text(unsigned char byte);

// Its number.
std::int32_t add_token(Vocabulary& vocabulary, std::string text,
                       TokenType type = TokenType::kNormal, float score = 0);

// Tokens 0 .. 255 are the bytes, in order; no merges.
Vocabulary byte_bpe();
// <unk>, <s>, </s>, and the bytes; no merges.
Vocabulary byte_spm();
// <s>, and the bytes.
Vocabulary byte_world();

// With n random merges of these bytes, and of their results. Some of the results are no tokens,
// some merges can never happen, and some are there twice.
Vocabulary random_bpe(std::mt19937& random, std::string_view bytes, int n);
// With n random tokens of these characters, many of them made of two others; few different scores.
Vocabulary random_spm(std::mt19937& random, const std::vector<std::string>& characters, int n);

std::unique_ptr<const Tokenizer> tokenizer_of(const Vocabulary& vocabulary);

// What a piece of text becomes: look for the best pair, merge it, and look again.
std::vector<Token> naive_bpe(const Vocabulary& vocabulary, std::string_view piece);
std::vector<Token> naive_spm(const Vocabulary& vocabulary, std::string_view text);

std::string bytes_of(const Tokenizer& tokenizer, const std::vector<Token>& tokens);

// GoogleTest prints them.
std::vector<std::int32_t> ids(const std::vector<Token>& tokens);

}  // namespace eddy::test

#include "engine/utf8_stream.h"

namespace eddy {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Bytes of the code point that starts with `lead`; 0 where none does.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // a continuation byte or an overlong form
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

}  // namespace

void Utf8Stream::push(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) push_byte(static_cast<unsigned char>(byte), out);
}

void Utf8Stream::finish(std::string& out) {
  if (!pending_.empty()) out += kReplacement;
  pending_.clear();
}

void Utf8Stream::push_byte(unsigned char byte, std::string& out) {
  if (!pending_.empty() && !continues(byte)) finish(out);
  if (pending_.empty()) {
    n_wanted_ = sequence_length(byte);
    if (n_wanted_ == 0) {
      out += kReplacement;
      return;
    }
  }
  pending_ += static_cast<char>(byte);
  if (pending_.size() < n_wanted_) return;
  out += pending_;
  pending_.clear();
}

// The second byte excludes overlong forms, surrogates and code points above U+10FFFF.
bool Utf8Stream::continues(unsigned char byte) const {
  if (pending_.size() > 1) return byte >= 0x80 && byte <= 0xBF;
  switch (static_cast<unsigned char>(pending_[0])) {
    case 0xE0: return byte >= 0xA0 && byte <= 0xBF;
    case 0xED: return byte >= 0x80 && byte <= 0x9F;
    case 0xF0: return byte >= 0x90 && byte <= 0xBF;
    case 0xF4: return byte >= 0x80 && byte <= 0x8F;
    default: return byte >= 0x80 && byte <= 0xBF;
  }
}

bool is_utf8(std::string_view text) {
  Utf8Stream stream;
  std::string out;
  stream.push(text, out);
  stream.finish(out);
  return out == text;
}

}  // namespace eddy

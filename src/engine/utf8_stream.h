// Turns a stream of bytes into whole code points.
//
// What does not continue to a well-formed code point (Unicode 15, table 3-7) becomes U+FFFD, one
// for each longest ill-formed run (the practice of section 3.9), so that the result is always
// UTF-8.
//
// Threading: one thread at a time.
#pragma once

#include <string>
#include <string_view>

namespace eddy {

class Utf8Stream {
 public:
  // Appends to out all code points that are complete after these bytes; keeps back at most 3 bytes.
  void push(std::string_view bytes, std::string& out);

  // The end of the stream: what is kept back is ill-formed.
  void finish(std::string& out);

  // The unfinished code point, at most 3 bytes.
  std::string_view pending() const { return pending_; }

 private:
  void push_byte(unsigned char byte, std::string& out);
  bool continues(unsigned char byte) const;

  std::string pending_;       // a well-formed beginning of a code point
  std::size_t n_wanted_ = 0;  // bytes of the pending code point
};

bool is_utf8(std::string_view text);

}  // namespace eddy

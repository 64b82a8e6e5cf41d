// A session as bytes: its tokens and turns, the unfinished code point of its answer, and its state.
//
//   offset  bytes
//        0  8      "EDDYSESS"
//        8  4      version: 1; 2 where the session began from an initial state; 3 where it has
//        turns
//       12  4      n_pending, bytes of the unfinished code point, 0 .. 3
//       16  8      n_tokens
//       24  8      n_state_bytes; 0: no token has been read
//       32  0, 16  version 2: the digest of the initial state (models/init_state.h), not zeros;
//                  version 3: that, or zeros where there is none
//       ..  0, 8   version 3: n_turns, at least 1
//       ..  ...    n_tokens token ids of 4 bytes; version 3: n_turns turns of 4 bytes, twice the
//                  tokens before it, and 1 more for an answer; none before another, none behind the
//                  tokens; the pending bytes; the state (memory/state_format.h)
//   at end  8      XXH3 (64 bits) of everything before
//
// All numbers are little-endian. Part of the format: never renumber.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "eddy/engine.h"
#include "eddy/result.h"
#include "eddy/types.h"

namespace eddy {

struct SessionRecord {
  Digest128 init_state = {};  // zeros: none
  std::vector<Token> tokens;
  std::vector<Turn> turns = {};
  std::string pending;
  std::span<const std::byte> state;  // borrowed
};

// "0123456789abcdef0123456789abcdef", or "none".
std::string init_state_text(const Digest128& digest);

std::vector<std::byte> encode_session(const SessionRecord& record);

// The same without a copy of the state: what comes before it; and the checksum of all that.
inline constexpr std::size_t kSessionSumBytes = 8;
std::vector<std::byte> session_head(const SessionRecord& record, std::uint64_t n_state_bytes);
void append_session_sum(std::uint64_t sum, std::vector<std::byte>& bytes);

// The record, whose state lies in `bytes`. kMalformed, kMismatch (another version). Token ids are
// not compared with a vocabulary.
Result<SessionRecord> decode_session(std::span<const std::byte> bytes);

}  // namespace eddy

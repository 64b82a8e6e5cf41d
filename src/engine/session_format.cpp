#include "engine/session_format.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/checked.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/little_endian.h"
#include "base/try.h"
#include "engine/utf8_stream.h"

namespace eddy {
namespace {

constexpr std::string_view kMagic = "EDDYSESS";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kVersionWithInitState = 2;
constexpr std::uint32_t kVersionWithTurns = 3;
constexpr std::size_t kHeadBytes = 32;
constexpr std::size_t kInitStateBytes = 16;
constexpr std::size_t kWordBytes = 4;  // of a token, and of a turn
constexpr std::size_t kMaxPending = 3;

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  const std::size_t n = out.size();
  out.resize(n + bytes.size());
  std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(n));
}

template <class T>
void append_number(std::vector<std::byte>& out, T number) {
  out.resize(out.size() + sizeof(T));
  store_le(out.data() + out.size() - sizeof(T), number);
}

// The caller has compared `offset` with the length.
template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t offset) {
  return load_le<T>(bytes.data() + offset);
}

struct Header {
  std::uint32_t version = 0;
  std::uint32_t n_pending = 0;
  std::uint64_t n_tokens = 0;
  std::uint64_t n_state_bytes = 0;
  std::uint64_t n_turns = 0;

  bool has_init_state() const { return version >= kVersionWithInitState; }
  bool has_turns() const { return version >= kVersionWithTurns; }
  // Where the tokens begin.
  std::size_t n_head() const {
    return kHeadBytes + (has_init_state() ? kInitStateBytes : 0) + (has_turns() ? 8 : 0);
  }

  static std::uint32_t version_of(const SessionRecord& record) {
    if (!record.turns.empty()) return kVersionWithTurns;
    return record.init_state == Digest128() ? kVersion : kVersionWithInitState;
  }

  static Header of(const SessionRecord& record, std::uint64_t n_state_bytes) {
    return {.version = version_of(record),
            .n_pending = static_cast<std::uint32_t>(record.pending.size()),
            .n_tokens = record.tokens.size(),
            .n_state_bytes = n_state_bytes,
            .n_turns = record.turns.size()};
  }

  // The whole record's bytes; nullopt if no record can be that long.
  std::optional<std::uint64_t> n_bytes() const {
    const auto n_words = checked_add(n_tokens, n_turns);
    const auto n_word_bytes = n_words ? checked_mul(*n_words, kWordBytes) : std::nullopt;
    if (!n_word_bytes) return std::nullopt;
    const auto sum = checked_add(*n_word_bytes, n_state_bytes);
    return sum ? checked_add(*sum, n_head() + n_pending + kSessionSumBytes) : std::nullopt;
  }
};

Result<Header> read_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeadBytes + kSessionSumBytes ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return fail(ErrorCode::kMalformed, "session: does not start with \"{}\"", kMagic);
  }
  Header header = {.version = number_at<std::uint32_t>(bytes, 8),
                   .n_pending = number_at<std::uint32_t>(bytes, 12),
                   .n_tokens = number_at<std::uint64_t>(bytes, 16),
                   .n_state_bytes = number_at<std::uint64_t>(bytes, 24)};
  if (header.version < kVersion || header.version > kVersionWithTurns) {
    return fail(ErrorCode::kMismatch, "session: version {}, expected {} to {}", header.version,
                kVersion, kVersionWithTurns);
  }
  if (header.has_turns()) {
    if (bytes.size() < header.n_head() + kSessionSumBytes) {
      return fail(ErrorCode::kMalformed, "session: {} bytes, expected {} or more", bytes.size(),
                  header.n_head() + kSessionSumBytes);
    }
    header.n_turns = number_at<std::uint64_t>(bytes, kHeadBytes + kInitStateBytes);
  }
  if (header.n_pending > kMaxPending) {
    return fail(ErrorCode::kMalformed, "session: {} pending bytes, expected at most {}",
                header.n_pending, kMaxPending);
  }
  if (header.n_bytes() != bytes.size()) {
    return fail(ErrorCode::kMalformed,
                "session: {} bytes, but {} tokens, {} turns and a state of {} bytes", bytes.size(),
                header.n_tokens, header.n_turns, header.n_state_bytes);
  }
  return header;
}

std::uint32_t word_of(const Turn& turn) {
  return static_cast<std::uint32_t>(turn.n_before) * 2 + (turn.kind == TurnKind::kAnswer ? 1 : 0);
}

Result<std::vector<Turn>> read_turns(std::span<const std::byte> bytes, const Header& header) {
  if (header.n_turns == 0) {
    return fail(ErrorCode::kMalformed, "session: version {} without turns", header.version);
  }
  std::vector<Turn> turns(header.n_turns);
  Pos n_before = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto word = number_at<std::uint32_t>(bytes, i * kWordBytes);
    turns[i] = {.n_before = static_cast<Pos>(word / 2),
                .kind = word % 2 == 1 ? TurnKind::kAnswer : TurnKind::kPrompt};
    if (turns[i].n_before < n_before || std::cmp_greater(turns[i].n_before, header.n_tokens)) {
      return fail(ErrorCode::kMalformed, "session: turn {} begins at {}, expected {} .. {}", i,
                  turns[i].n_before, n_before, header.n_tokens);
    }
    n_before = turns[i].n_before;
  }
  return turns;
}

// Nothing, or the beginning of a code point.
bool is_unfinished(std::string_view pending) {
  Utf8Stream stream;
  std::string finished;
  stream.push(pending, finished);
  return finished.empty() && stream.pending() == pending;
}

}  // namespace

std::string init_state_text(const Digest128& digest) {
  if (digest == Digest128()) return "none";
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

std::vector<std::byte> session_head(const SessionRecord& record, std::uint64_t n_state_bytes) {
  const Header header = Header::of(record, n_state_bytes);
  std::vector<std::byte> bytes;
  bytes.reserve(*Header::of(record, 0).n_bytes());
  append(bytes, std::as_bytes(std::span(kMagic)));
  append_number(bytes, header.version);
  append_number(bytes, header.n_pending);
  append_number(bytes, header.n_tokens);
  append_number(bytes, header.n_state_bytes);
  if (header.has_init_state()) {
    append_number(bytes, record.init_state.low);
    append_number(bytes, record.init_state.high);
  }
  if (header.has_turns()) append_number(bytes, header.n_turns);
  for (const Token token : record.tokens) append_number(bytes, token.value);
  for (const Turn& turn : record.turns) append_number(bytes, word_of(turn));
  append(bytes, std::as_bytes(std::span(record.pending)));
  return bytes;
}

void append_session_sum(std::uint64_t sum, std::vector<std::byte>& bytes) {
  append_number(bytes, sum);
}

std::vector<std::byte> encode_session(const SessionRecord& record) {
  std::vector<std::byte> bytes = session_head(record, record.state.size());
  append(bytes, record.state);
  append_session_sum(checksum64(bytes), bytes);
  return bytes;
}

Result<SessionRecord> decode_session(std::span<const std::byte> bytes) {
  const auto header = read_header(bytes);
  if (!header) return header.error();
  const std::size_t n_checked = bytes.size() - kSessionSumBytes;
  if (number_at<std::uint64_t>(bytes, n_checked) != checksum64(bytes.first(n_checked))) {
    return fail(ErrorCode::kMalformed, "session: checksum does not match, the bytes are damaged");
  }
  SessionRecord record;
  if (header->has_init_state()) {
    record.init_state = {.low = number_at<std::uint64_t>(bytes, kHeadBytes),
                         .high = number_at<std::uint64_t>(bytes, kHeadBytes + 8)};
    if (record.init_state == Digest128() && !header->has_turns()) {
      return fail(ErrorCode::kMalformed, "session: version {} without an initial state",
                  header->version);
    }
  }
  record.tokens.resize(header->n_tokens);
  std::size_t offset = header->n_head();
  for (Token& token : record.tokens) {
    token = Token(number_at<std::int32_t>(bytes, offset));
    offset += kWordBytes;
  }
  if (header->has_turns()) {
    EDDY_TRY_ASSIGN(record.turns, read_turns(bytes.subspan(offset), *header));
    offset += record.turns.size() * kWordBytes;
  }
  record.pending.resize(header->n_pending);
  std::memcpy(record.pending.data(), bytes.data() + offset, header->n_pending);
  if (!is_unfinished(record.pending)) {
    return fail(ErrorCode::kMalformed, "session: the pending bytes are no unfinished code point");
  }
  record.state = bytes.subspan(offset + header->n_pending, header->n_state_bytes);
  return record;
}

}  // namespace eddy

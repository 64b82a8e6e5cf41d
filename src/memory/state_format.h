// The bytes of serialised states: one format for files, stores and other processes;
// docs/state-format.md has it with an example.
//
// Little-endian, canonical (a set of states has one spelling), sealed, no padding:
//
//   header   "EDDYSTAT"  u32 version  u32 content (1 one state, 2 all sequences)  u64 bytes in all
//            16 bytes model identity  u32 type_r  u32 type_s  16 bytes layout digest  u64 XXH3
//   section  u32 tag  u32 index  u64 payload bytes  payload  u64 XXH3 of the section up to here
//     SEQS   only of all sequences: u32 states, u32 sequences, then for each sequence, in rising
//            order of id, u32 id and u32 state; states are numbered in the order they are named
//     STAT   for each state (index: its number): u64 tokens that led to it; then its rows:
//     ROWR, ROWS, ROWK, ROWV  for each layer that keeps them (index: the layer), in this order: the
//            elements of R and S; of K and V those of each position that the next token would
//            see, p > tokens - window or all, one after another
//   trailer  XXH3-128 of everything before, as two u64, the low half first
//
// Letters as in memory/state_layout.h: ROWR is the recurrent state, ROWS the short convolution's.
// The layout digest tells element type and window of K and V. How positions lie in pages is not
// seen. Element types are GGUF's ids; the order of elements inside a row is the kernels', and a
// change of it is a new version. Tags, contents and the order are part of the format: never
// renumber.
//
// This file says what is where; state_view reads it, state_writer writes it. Neither knows cells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/checksum.h"
#include "eddy/types.h"
#include "memory/kv_memory.h"
#include "memory/state_layout.h"
#include "memory/state_tensors.h"

namespace eddy {

inline constexpr char kStateMagic[] = "EDDYSTAT";
inline constexpr std::uint32_t kStateVersion = 1;

enum class StateContent : std::uint32_t { kOne = 1, kAll = 2 };

constexpr std::uint32_t state_tag(const char (&name)[5]) {
  return static_cast<std::uint32_t>(name[0]) | static_cast<std::uint32_t>(name[1]) << 8 |
         static_cast<std::uint32_t>(name[2]) << 16 | static_cast<std::uint32_t>(name[3]) << 24;
}
inline constexpr std::uint32_t kTagSeqs = state_tag("SEQS");
inline constexpr std::uint32_t kTagStat = state_tag("STAT");
inline constexpr std::uint32_t kTagRowR = state_tag("ROWR");
inline constexpr std::uint32_t kTagRowS = state_tag("ROWS");
inline constexpr std::uint32_t kTagRowK = state_tag("ROWK");
inline constexpr std::uint32_t kTagRowV = state_tag("ROWV");

// Offsets in the header, and sizes, in bytes.
inline constexpr std::uint64_t kVersionAt = 8;
inline constexpr std::uint64_t kContentAt = 12;
inline constexpr std::uint64_t kSizeAt = 16;
inline constexpr std::uint64_t kIdentityAt = 24;
inline constexpr std::uint64_t kTypeRAt = 40;
inline constexpr std::uint64_t kTypeSAt = 44;
inline constexpr std::uint64_t kLayoutAt = 48;
inline constexpr std::uint64_t kHeaderSumAt = 64;
inline constexpr std::uint64_t kHeaderBytes = 72;
inline constexpr std::uint64_t kSectionHeadBytes = 16;
inline constexpr std::uint64_t kSumBytes = 8;
inline constexpr std::uint64_t kSectionExtraBytes = kSectionHeadBytes + kSumBytes;
inline constexpr std::uint64_t kTrailerBytes = 16;

// In the header a type of R is 256 more where it was rounded by chance: a state of the one kind
// does not go on as the other would have.
inline constexpr std::uint32_t kByChance = 256;

struct StateTypes {
  DType r = DType::kF32;
  DType s = DType::kF32;
  Rounding rounding_r = Rounding::kNearest;  // of R where it is not F32

  std::uint32_t code_r() const {
    return static_cast<std::uint32_t>(r) + (is_by_chance(rounding_r, r) ? kByChance : 0);
  }
  std::uint32_t code_s() const { return static_cast<std::uint32_t>(s); }
};

// What every state of one memory looks like.
struct StateFormat {
  struct Row {
    LayerId layer;
    StateKind kind = StateKind::kR;
    DType type = DType::kF32;
    std::uint64_t n_bytes = 0;  // of a row
    std::int32_t window = 0;    // of K and V

    std::uint32_t tag() const;
    // K and V have a row for each position that is still seen, R and S one.
    bool is_by_position() const { return kind == StateKind::kK || kind == StateKind::kV; }
    std::uint64_t n_rows(Pos n_tokens) const {
      return is_by_position() ? static_cast<std::uint64_t>(n_tokens - first_row(n_tokens)) : 1;
    }
    Pos first_row(Pos n_tokens) const { return first_visible(n_tokens, window); }
  };
  ModelIdentity identity;
  StateTypes types;
  Digest128 layout;       // of the layers that keep a state, and of their elements
  std::vector<Row> rows;  // those of StateTensors::all() and KvMemory::all(), by layer
  Pos n_tokens_max = 0;   // attention counts positions in 32 bits

  // Of one state's sections. Cannot overflow where the state lies in memory.
  std::uint64_t n_state_bytes(Pos n_tokens) const;
  // Of one state as a whole.
  std::uint64_t n_bytes(Pos n_tokens) const {
    return kHeaderBytes + n_state_bytes(n_tokens) + kTrailerBytes;
  }
};

StateFormat make_state_format(const StateTensors& tensors, const KvMemory& kv,
                              const ModelIdentity& identity, const StateTypes& types);

// kIgnore is for bytes that do not leave the process, or whose owner has checked them. Written so,
// they have sums that fit nothing.
enum class Checksums : std::uint8_t { kVerify, kIgnore };

// What the owner of serialised states has around them in the same bytes.
struct StateFrame {
  std::span<const std::byte> front = {};  // comes before them
  std::size_t n_back = 0;                 // capacity to be left behind them
  Checksum* sum = nullptr;                // is given their bytes; not with kIgnore
  std::vector<std::byte> room = {};       // bytes that nobody needs: becomes the result
  Checksums checksums = Checksums::kVerify;
};

// Which state a sequence has: an entry of SEQS.
struct StateOfSeq {
  SeqId seq;
  std::uint32_t state = 0;
};

}  // namespace eddy

// The few plain types that the public interface and every floor share.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace eddy {

// An integer that can be compared and used as an index of its own Table only.
// `cells[seq_id]` does not compile.
template <class Tag>
struct Id {
  std::int32_t value = -1;

  constexpr Id() = default;
  constexpr explicit Id(std::int32_t v) : value(v) {}
  constexpr auto operator<=>(const Id&) const = default;
};

using Token = Id<struct TokenTag>;    // an entry of the vocabulary
using SeqId = Id<struct SeqTag>;      // a live sequence, 0 .. n_seq_max - 1
using CellId = Id<struct CellTag>;    // a memory cell, 0 .. mem_size - 1
using LayerId = Id<struct LayerTag>;  // a layer of the model, 0 .. n_layer - 1

// A position counts the tokens that a sequence has consumed; the first token has position 0.
using Pos = std::int64_t;

// How a stored state is made smaller. States at work never are. The numbers are part of a format
// (src/memory/state_codec.h): never renumber.
enum class StateCodec : std::uint32_t {
  kNone,   // not at all
  kZstd,   // without loss: the same bits come back
  kInt16,  // R in F32 becomes whole numbers of 16 bits with scales; what else there is, as kZstd
  kInt8,   // the same with 8 bits
};

}  // namespace eddy

template <class Tag>
struct std::hash<eddy::Id<Tag>> {
  std::size_t operator()(eddy::Id<Tag> id) const noexcept {
    return std::hash<std::int32_t>()(id.value);
  }
};

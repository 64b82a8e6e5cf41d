// Packed states from a hostile source, and states that are packed.
//
// The first byte says what the rest is: 0 packed bytes, 1 the same with their checksum made right,
// 2 and more a stream, which is put into a frame of zstd: bits 0 and 1 choose the codec, and the
// first four bytes the length of the state; 128 and more a state, with its checksums made right.
// Oracle: what is unpacked can be packed without loss, and comes back.
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "../tests/memory/support/state_bytes.h"
#include "base/checksum.h"
#include "base/little_endian.h"
#include "memory/state_codec.h"
#include "require.h"

namespace {

using namespace eddy;
using Bytes = std::vector<std::byte>;

constexpr std::size_t kHeadBytes = 32;
constexpr std::size_t kPackSumBytes = 8;

void seal(Bytes& packed) {
  if (packed.size() < kPackSumBytes) return;
  const std::size_t end = packed.size() - kPackSumBytes;
  store_le(packed.data() + end, checksum64(std::span(packed).first(end)));
}

Bytes packed_from(std::uint32_t codec, std::span<const std::byte> input) {
  std::uint32_t n_state = 0;
  std::memcpy(&n_state, input.data(), std::min(input.size(), sizeof(n_state)));
  const auto stream = input.subspan(std::min(input.size(), sizeof(n_state)));
  Bytes packed(kHeadBytes + ZSTD_compressBound(stream.size()));
  std::memcpy(packed.data(), "EDDYPACK", 8);
  store_le(packed.data() + 8, std::uint32_t{1});
  store_le(packed.data() + 12, codec);
  store_le(packed.data() + 16, std::uint64_t{n_state});
  store_le(packed.data() + 24, std::uint64_t{stream.size()});
  const std::size_t n = ZSTD_compress(packed.data() + kHeadBytes, packed.size() - kHeadBytes,
                                      stream.data(), stream.size(), 1);
  require(!ZSTD_isError(n), "zstd");
  packed.resize(kHeadBytes + n + kPackSumBytes);
  seal(packed);
  return packed;
}

void try_state(const Bytes& state) {
  for (const StateCodec codec : {StateCodec::kZstd, StateCodec::kInt16, StateCodec::kInt8}) {
    const auto packed = encode_state(codec, state);
    if (!packed) continue;
    const auto again = decode_state(*packed);
    require(again.ok(), "what was packed cannot be unpacked");
    require(again->size() == state.size(), "another length");
    require(codec != StateCodec::kZstd || *again == state, "another state");
  }
}

void try_packed(const Bytes& packed) {
  const auto state = decode_state(packed);
  if (state) try_state(*state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  Bytes bytes(input.begin(), input.end());
  if (data[0] >= 128) {
    test::reseal(bytes);
    try_state(bytes);
  } else if (data[0] >= 2) {
    try_packed(packed_from(data[0] % 4, input));
  } else {
    if (data[0] == 1) seal(bytes);
    try_packed(bytes);
  }
  return 0;
}

// Sessions, states and blobs from a hostile source, read without a model.
//
// The first byte says what the rest is: 0 a session, 1 a state, 2 a blob; from 16 on the same with
// its checksums made right, so that what lies behind them is reached. Oracle: what is accepted lies
// inside the input, and a session or a blob is written again as it was read.
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/checksum.h"
#include "base/little_endian.h"
#include "engine/session_summary.h"
#include "memory/blob_file.h"
#include "memory/state_format.h"
#include "require.h"

namespace {

using namespace eddy;
using Bytes = std::vector<std::byte>;

void reseal_state(std::span<std::byte> bytes) {
  if (bytes.size() < kHeaderBytes + kTrailerBytes) return;
  store_le(bytes.data() + kHeaderSumAt, checksum64(bytes.first(kHeaderSumAt)));
  const std::size_t end = bytes.size() - kTrailerBytes;
  const Digest128 digest = checksum128(bytes.first(end));
  store_le(bytes.data() + end, digest.low);
  store_le(bytes.data() + end + 8, digest.high);
}

void reseal_session(Bytes& bytes) {
  const auto record = decode_session(bytes);
  if (record && !record->state.empty()) {
    const auto at = static_cast<std::size_t>(record->state.data() - bytes.data());
    reseal_state(std::span(bytes).subspan(at, record->state.size()));
  }
  if (bytes.size() < 8) return;
  const std::size_t end = bytes.size() - 8;
  store_le(bytes.data() + end, checksum64(std::span(bytes).first(end)));
}

void reseal_blob(Bytes& bytes) {
  if (bytes.size() < kBlobHeaderBytes) return;
  const auto content = std::span(bytes).subspan(kBlobHeaderBytes);
  const Digest128 digest = checksum128(content);
  store_le(bytes.data() + 24, digest.low);
  store_le(bytes.data() + 32, digest.high);
  store_le(bytes.data() + 376, checksum64(std::span(bytes).first(376)));
}

void look(const StateSummary& state, const Bytes& bytes) {
  for (const StateSummary::Row& row : state.rows) {
    require(row.elements.data() >= bytes.data() &&
                row.elements.data() + row.elements.size() <= bytes.data() + bytes.size(),
            "a row lies outside");
    if (row.has_type()) require(!(state_norm(row) < 0), "a norm below 0");
  }
}

void try_session(const Bytes& bytes) {
  const auto session = summarise_session(bytes);
  if (!session) return;
  if (session->state) look(*session->state, bytes);
  require(encode_session(session->record) == bytes, "another session is written");
}

void try_blob(const Bytes& bytes) {
  const auto blob = parse_blob(bytes);
  if (!blob) return;
  Bytes again;
  for (const std::byte b : encode_blob_header(blob->entry)) again.push_back(b);
  again.insert(again.end(), blob->content.begin(), blob->content.end());
  require(again == bytes, "another blob is written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  Bytes bytes(input.begin(), input.end());
  const bool reseals = data[0] >= 16;
  switch (data[0] % 16) {
    case 0:
      if (reseals) reseal_session(bytes);
      try_session(bytes);
      break;
    case 1: {
      if (reseals) reseal_state(bytes);
      const auto state = summarise_state(bytes);
      if (state) look(*state, bytes);
      break;
    }
    case 2:
      if (reseals) reseal_blob(bytes);
      try_blob(bytes);
      break;
    default: break;
  }
  return 0;
}

#include "memory/state_format.h"

#include <limits>

#include "base/little_endian.h"

namespace eddy {
namespace {

StateFormat::Row row_of(const StateTensor& t) {
  return {.layer = t.layer, .kind = t.kind, .type = t.rows.type, .n_bytes = t.row_bytes};
}

StateFormat::Row row_of(const KvTensor& t) {
  return {.layer = t.layer,
          .kind = t.kind,
          .type = t.pages.type,
          .n_bytes = t.row_bytes,
          .window = t.window};
}

// What the digest covers.
class LayoutBytes {
 public:
  void add(std::uint64_t value, std::size_t n_bytes) {
    std::byte bytes[8];
    store_le(bytes, value);
    bytes_.insert(bytes_.end(), bytes, bytes + n_bytes);
  }
  Digest128 digest() const { return checksum128(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

std::uint32_t StateFormat::Row::tag() const {
  switch (kind) {
    case StateKind::kR: return kTagRowR;
    case StateKind::kS: return kTagRowS;
    case StateKind::kK: return kTagRowK;
    case StateKind::kV: return kTagRowV;
  }
  return 0;
}

std::uint64_t StateFormat::n_state_bytes(Pos n_tokens) const {
  std::uint64_t n = kSectionExtraBytes + sizeof(std::uint64_t);  // STAT
  for (const Row& row : rows) n += kSectionExtraBytes + row.n_rows(n_tokens) * row.n_bytes;
  return n;
}

// The digest covers, of each tensor in order: u32 layer, u32 tag, u64 elements of a row; and of K
// and V, u32 element type, u32 window.
StateFormat make_state_format(const StateTensors& tensors, const KvMemory& kv,
                              const ModelIdentity& identity, const StateTypes& types) {
  StateFormat format;
  format.identity = identity;
  format.types = types;
  format.n_tokens_max = kv.n_groups() == 0 ? std::numeric_limits<Pos>::max()
                                           : std::numeric_limits<std::int32_t>::max();
  LayoutBytes layout;
  const auto add = [&](const StateFormat::Row& row, std::uint64_t n_elems) {
    layout.add(static_cast<std::uint32_t>(row.layer.value), 4);
    layout.add(row.tag(), 4);
    layout.add(n_elems, 8);
    if (row.is_by_position()) {
      layout.add(static_cast<std::uint32_t>(row.type), 4);
      layout.add(static_cast<std::uint32_t>(row.window), 4);
    }
    format.rows.push_back(row);
  };
  // Both lists are in the order of layers.
  auto k = kv.all().begin();
  for (const StateTensor& t : tensors.all()) {
    for (; k != kv.all().end() && k->layer < t.layer; ++k) add(row_of(*k), k->n_elems);
    add(row_of(t), t.rows.n_elems);
  }
  for (; k != kv.all().end(); ++k) add(row_of(*k), k->n_elems);
  format.layout = layout.digest();
  return format;
}

}  // namespace eddy

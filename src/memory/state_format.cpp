#include "memory/state_format.h"

#include "base/little_endian.h"

namespace eddy {

// The digest covers, of each tensor in order: u32 layer, u32 tag, u64 elements of a row.
StateFormat make_state_format(const StateTensors& tensors, const ModelIdentity& identity,
                              DType type_r, DType type_s) {
  StateFormat format;
  format.identity = identity;
  format.type_r = type_r;
  format.type_s = type_s;
  std::vector<std::byte> layout(tensors.all().size() * 16);
  std::byte* at = layout.data();
  std::uint64_t offset = kSectionExtraBytes + sizeof(std::uint64_t);  // STAT
  for (const StateTensor& t : tensors.all()) {
    const StateFormat::Row row{.layer = t.layer,
                               .kind = t.kind,
                               .type = t.rows.type,
                               .n_bytes = t.row_bytes,
                               .offset = offset + kSectionHeadBytes};
    store_le(at, static_cast<std::uint32_t>(t.layer.value));
    store_le(at + 4, row.tag());
    store_le(at + 8, t.rows.n_elems);
    at += 16;
    offset += kSectionExtraBytes + row.n_bytes;
    format.rows.push_back(row);
  }
  format.n_state_bytes = offset;
  format.layout = checksum128(layout);
  return format;
}

}  // namespace eddy

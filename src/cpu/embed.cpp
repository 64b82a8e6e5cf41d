// out[t] = scale * row tokens[t] of table {n_embd, n_vocab}, as F32. Reads a row of the table and
// writes 4 bytes for each element of it. Block formats are decoded exactly, by no instruction set's
// kernel.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/embed.cpp"
#include <hwy/foreach_target.h>

#include "cpu/elements-inl.h"
#include "cpu/kernels.h"
#include "tensor/decode.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

template <class Type>
void copy_row(const std::byte* row, std::int64_t n, float scale, float* out) {
  const auto* elements = reinterpret_cast<const typename Type::Element*>(row);
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    store_first(mul(load_first_of<Type>(elements + i, count), broadcast(scale)), out + i, count);
  }
}

void embed(const EmbedArgs& args, Share tokens) {
  const Weight& table = args.table;
  const auto n_row_bytes = static_cast<std::int64_t>(
      row_bytes(table.type, static_cast<std::uint64_t>(table.n_in())).value());
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    const std::int64_t id = args.tokens[static_cast<std::size_t>(t)].value;
    const std::byte* row = table.data + id * n_row_bytes;
    float* out = args.out.token(t);
    switch (table.type) {
      case DType::kF32: copy_row<F32>(row, table.n_in(), args.scale, out); break;
      case DType::kF16: copy_row<F16>(row, table.n_in(), args.scale, out); break;
      case DType::kBF16: copy_row<BF16>(row, table.n_in(), args.scale, out); break;
      default: {
        const std::span<float> values(out, static_cast<std::size_t>(table.n_in()));
        decode(table.type, row, values);
        for (float& value : values) value *= args.scale;
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<EmbedArgs> kEmbed = EDDY_PER_ISA(embed);
}  // namespace eddy
#endif

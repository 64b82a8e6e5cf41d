// out[t] = row tokens[t] of table {n_embd, n_vocab}, as F32. Reads a row of the table and writes
// 4 bytes for each element of it; Q8_0 is exact: d q has no more than 24 significant bits.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/embed.cpp"
#include <hwy/foreach_target.h>

#include <cstdlib>

#include "base/half.h"
#include "cpu/elements-inl.h"
#include "cpu/kernels.h"
#include "cpu/q8_0.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

template <class Type>
void copy_row(const std::byte* row, std::int64_t n, float* out) {
  const auto* elements = reinterpret_cast<const typename Type::Element*>(row);
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    store_first(load_first_of<Type>(elements + i, count), out + i, count);
  }
}

void copy_row_q8_0(const std::byte* row, std::int64_t n, float* out) {
  for (std::int64_t b = 0; b < n / kQ8BlockElems; ++b) {
    Q8Block block;
    std::memcpy(&block, row + b * static_cast<std::int64_t>(sizeof block), sizeof block);
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < kQ8BlockElems; ++i) {
      out[b * kQ8BlockElems + i] = d * static_cast<float>(block.q[i]);
    }
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
      case DType::kF32: copy_row<F32>(row, table.n_in(), out); break;
      case DType::kF16: copy_row<F16>(row, table.n_in(), out); break;
      case DType::kBF16: copy_row<BF16>(row, table.n_in(), out); break;
      case DType::kQ8_0: copy_row_q8_0(row, table.n_in(), out); break;
      default: std::abort();  // our own mistake: a type that CpuOps computes with has its line here
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

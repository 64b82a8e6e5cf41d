// K and V of every token into its lane's pages, in their element type (F32, F16, BF16, Q8_0):
// position p is row p mod kKvPage of page p / kKvPage. k {n_head_kv * k_dim, n_tokens}, v alike.
// Moves 4 bytes and an element of the pages for each element.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kv_store.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/kv_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

template <class Type>
void store_tokens(const KvStoreArgs& args, Share tokens) {
  const KvPages& pages = args.kv.pages;
  for (std::size_t i = 0; i < args.lanes.size(); ++i) {
    const Lane& lane = args.lanes[i];
    for (std::int32_t k = 0; k < lane.n_tokens; ++k) {
      const std::int64_t t = lane.first_token + k;
      if (t < tokens.first || t >= tokens.last) continue;
      const std::int64_t pos = std::int64_t{args.kv.lanes[i].pos} + k;
      const PageRows rows = page_rows(pages, args.kv.lanes[i], pos / kKvPage);
      const auto row = static_cast<std::uint64_t>(pos % kKvPage);
      KvRow<Type>::save(args.k.token(t), args.k.n, rows.k + row * pages.k_bytes);
      KvRow<Type>::save(args.v.token(t), args.v.n, rows.v + row * pages.v_bytes);
    }
  }
}

void kv_store(const KvStoreArgs& args, Share tokens) {
  switch (args.kv.pages.type) {
    case DType::kF16: return store_tokens<F16>(args, tokens);
    case DType::kBF16: return store_tokens<BF16>(args, tokens);
    case DType::kQ8_0: return store_tokens<KvQ8_0>(args, tokens);
    default: return store_tokens<F32>(args, tokens);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<KvStoreArgs> kKvStore = EDDY_PER_ISA(kv_store);
}  // namespace eddy
#endif

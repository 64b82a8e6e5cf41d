// What the heads of RWKV-6 and RWKV-7 have in common.
#pragma once

#include <cstdint>

#include "models/loader.h"

namespace eddy {

// Of the norm over a head; no file states it.
inline constexpr float kHeadNormEps = 64e-5f;

// Elements of a head; divides n_embd.
inline std::int64_t load_head_size(Loader& load) {
  const std::int64_t n_embd = load.info().n_embd;
  const std::int64_t head_size = load.integer("wkv.head_size", {1, n_embd});
  load.require(n_embd % head_size == 0, "wkv.head_size does not divide embedding_length");
  return head_size;
}

}  // namespace eddy

// The kernels, by instruction set. Each computes the share of the op that it is given; which units
// an op is cut into stands beside its kernel. Results do not depend on the cut.
#pragma once

#include <cstdint>

#include "base/threads.h"
#include "cpu/isa.h"
#include "tensor/ops.h"

namespace eddy {

template <class Args>
using Kernels = PerIsa<void(const Args& args, Share units)>;

extern const Kernels<EmbedArgs> kEmbed;                  // a unit is a token
extern const Kernels<SelectArgs> kSelect;                // a unit is a selected token
extern const Kernels<RmsNormArgs> kRmsNorm;              // a unit is a token
extern const Kernels<LayerNormArgs> kLayerNorm;          // a unit is a token
extern const Kernels<GatedRmsNormArgs> kGatedRmsNorm;    // a unit is a token
extern const Kernels<LinearArgs> kLinearDense;           // a unit is sixteen rows
extern const Kernels<ActivateArgs> kActivate;            // a unit is a token
extern const Kernels<GateArgs> kGate;                    // a unit is a token
extern const Kernels<ShortConvArgs> kShortConv;          // a unit is sixteen channels
extern const Kernels<SelectiveScanArgs> kSelectiveScan;  // a unit is sixteen channels
extern const Kernels<SsdScanArgs> kSsdScan;              // a unit is sixteen channels of a head
extern const Kernels<TokenShiftArgs> kTokenShift;        // a unit is sixteen channels
extern const Kernels<DdlerpArgs> kDdlerp;                // a unit is a token
extern const Kernels<Wkv6DecayArgs> kWkv6Decay;          // a unit is a token
extern const Kernels<Wkv6Args> kWkv6;                    // unit h n_chains + i: head h of chain i
extern const Kernels<Wkv7PrepareArgs> kWkv7Prepare;      // a unit is a token
extern const Kernels<Wkv7Args> kWkv7;                    // unit h n_chains + i: head h of chain i
extern const Kernels<WkvOutputArgs> kWkvOutput;          // a unit is a token
extern const Kernels<LinearArgs> kLayBias;               // a unit is a token
extern const Kernels<SoftCapArgs> kSoftCap;              // a unit is sixteen channels
extern const Kernels<RgLruArgs> kRgLru;                  // a unit is sixteen channels
extern const Kernels<RopeArgs> kRope;                    // a unit is a token
extern const Kernels<KvStoreArgs> kKvStore;              // a unit is a token
extern const Kernels<AttentionArgs> kAttention;          // a unit is a head of a token

// The most elements of a head of K that attention has room for.
inline constexpr std::int64_t kMaxAttentionDim = 1024;

// Chains of lanes: a lane that goes on from the one before it belongs to that one's.
inline std::int64_t n_chains(std::span<const Lane> lanes) {
  std::int64_t n = 0;
  for (std::size_t i = 0; i < lanes.size(); ++i) n += goes_on(lanes, i) ? 0 : 1;
  return n;
}

// Units of n elements, sixteen to each.
inline std::int64_t n_sixteens(std::int64_t n) { return (n + 15) / 16; }

// Channels of a unit: sixteen, or fewer at the end of n channels.
inline std::int64_t n_in_sixteen(std::int64_t n, std::int64_t unit) {
  return n - unit * 16 < 16 ? n - unit * 16 : 16;
}

}  // namespace eddy

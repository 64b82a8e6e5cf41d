#include "cpu/cpu_ops.h"

#include <algorithm>
#include <array>
#include <new>

#include "base/error.h"
#include "base/threads.h"
#include "base/try.h"
#include "cpu/kernels.h"
#include "cpu/log_write.h"
#include "cpu/q8_0.h"
#include "cpu/quantised_x.h"
#include "tensor/decode.h"
#include "tensor/update_inputs.h"

namespace eddy {
namespace {

class CpuDevice final : public Device {
 public:
  std::string_view name() const override { return "cpu"; }
  const BufferType& buffer_type() const override { return host_buffer_type(); }
};

Status check_host(Buffer& buffer, const char* what) {
  if (buffer.host()) return {};
  return fail(ErrorCode::kUnsupported, "{} in buffer type \"{}\", expected host memory", what,
              buffer.type().name());
}

class CpuOps final : public Ops {
 public:
  CpuOps(Isa isa, std::unique_ptr<ThreadPool> pool) : isa_(isa), pool_(std::move(pool)) {}

  const Device& device() const override { return cpu_device(); }
  bool can_multiply(DType type) const override { return can_decode(type); }

  Status reserve(const LinearArgs& args) override {
    if (is_dense(args.weight.type)) return {};
    return reserve_blocks(args.x.n / kXBlockElems * args.x.n_tokens);
  }

  Status embed(const EmbedArgs& args) override {
    EDDY_TRY(check_type(args.table));
    return run(kEmbed, args, {.n_units = args.out.n_tokens, .unit_cost = args.out.n});
  }
  Status select(const SelectArgs& args) override {
    return run(kSelect, args, {.n_units = args.out.n_tokens, .unit_cost = args.out.n});
  }
  Status rms_norm(const RmsNormArgs& args) override {
    return run(kRmsNorm, args, {.n_units = args.x.n_tokens, .unit_cost = args.x.n});
  }
  Status layer_norm(const LayerNormArgs& args) override {
    return run(kLayerNorm, args, {.n_units = args.x.n_tokens, .unit_cost = 2 * args.x.n});
  }
  Status gated_rms_norm(const GatedRmsNormArgs& args) override {
    return run(kGatedRmsNorm, args, {.n_units = args.x.n_tokens, .unit_cost = 4 * args.x.n});
  }
  Status linear(const LinearArgs& args) override {
    EDDY_TRY(check_type(args.weight));
    if (!args.bias.empty()) return linear_with_bias(args);
    if (is_dense(args.weight.type)) return run(kLinearDense, args, linear_work(args));
    return linear_blocks(args);
  }
  Status activate(const ActivateArgs& args) override {
    return run(kActivate, args, {.n_units = args.x.n_tokens, .unit_cost = 2 * args.x.n});
  }
  Status gate(const GateArgs& args) override {
    return run(kGate, args, {.n_units = args.x.n_tokens, .unit_cost = 3 * args.x.n});
  }
  Status short_conv(const ShortConvArgs& args) override {
    return recur(kShortConv, args,
                 {.n_units = n_sixteens(args.x.n), .unit_cost = 64 * args.x.n_tokens});
  }
  Status selective_scan(const SelectiveScanArgs& args) override {
    return recur(kSelectiveScan, args,
                 {.n_units = n_sixteens(args.x.n), .unit_cost = 64 * args.b.n * args.x.n_tokens});
  }
  Status ssd_scan(const SsdScanArgs& args) override {
    return recur(kSsdScan, args,
                 {.n_units = args.n_head * n_sixteens(args.head_dim),
                  .unit_cost = 16 * args.d_state * args.x.n_tokens});
  }
  Status token_shift(const TokenShiftArgs& args) override {
    return recur(kTokenShift, args,
                 {.n_units = n_sixteens(args.x.n),
                  .unit_cost = 16 * (1 + args.out.n / args.x.n) * args.x.n_tokens});
  }
  Status ddlerp(const DdlerpArgs& args) override {
    return run(kDdlerp, args, {.n_units = args.x.n_tokens, .unit_cost = 2 * args.out.n});
  }
  Status wkv6_decay(const Wkv6DecayArgs& args) override {
    return run(kWkv6Decay, args, {.n_units = args.x.n_tokens, .unit_cost = 4 * args.x.n});
  }
  Status wkv6(const Wkv6Args& args) override { return recur(kWkv6, args, wkv_work(args)); }
  Status wkv7_prepare(const Wkv7PrepareArgs& args) override {
    return run(kWkv7Prepare, args, {.n_units = args.k.n_tokens, .unit_cost = 12 * args.k.n});
  }
  Status wkv7(const Wkv7Args& args) override { return recur(kWkv7, args, wkv_work(args)); }
  Status wkv_output(const WkvOutputArgs& args) override {
    return run(kWkvOutput, args, {.n_units = args.x.n_tokens, .unit_cost = 4 * args.x.n});
  }
  Status soft_cap(const SoftCapArgs& args) override {
    return run(kSoftCap, args,
               {.n_units = n_sixteens(args.x.n), .unit_cost = 64 * args.x.n_tokens});
  }
  Status rg_lru(const RgLruArgs& args) override {
    return recur(kRgLru, args,
                 {.n_units = n_sixteens(args.x.n), .unit_cost = 256 * args.x.n_tokens});
  }
  Status rope(const RopeArgs& args) override {
    return run(kRope, args, {.n_units = args.x.n_tokens, .unit_cost = 2 * args.x.n});
  }
  Status kv_store(const KvStoreArgs& args) override {
    EDDY_TRY(check_pages(args.kv, args.k.n, args.v.n));
    return run(kKvStore, args, {.n_units = args.k.n_tokens, .unit_cost = args.k.n + args.v.n});
  }
  Status attention(const AttentionArgs& args) override {
    const std::int64_t k_dim = args.q.n / args.n_head, v_dim = args.out.n / args.n_head;
    EDDY_TRY(check_pages(args.kv, k_dim, v_dim));
    if (k_dim > kMaxAttentionDim) {
      return fail(ErrorCode::kUnsupported,
                  "attention with heads of {} elements, expected at most {}", k_dim,
                  kMaxAttentionDim);
    }
    std::int64_t n_seen = 0;
    for (std::size_t i = 0; i < args.lanes.size(); ++i) {
      n_seen = std::max<std::int64_t>(n_seen, args.kv.lanes[i].pos + args.lanes[i].n_tokens);
    }
    if (args.window > 0) n_seen = std::min<std::int64_t>(n_seen, args.window);
    return run(kAttention, args,
               {.n_units = args.n_head * args.q.n_tokens, .unit_cost = n_seen * (k_dim + v_dim)});
  }

 private:
  // How an op can be cut, and what a unit costs: about the elements that it touches.
  struct Work {
    std::int64_t n_units, unit_cost;
  };

  // Below this the work is done before another thread has woken: 16 K elements take some 2 us.
  static constexpr std::int64_t kMinSharedCost = 16384;

  static bool is_dense(DType type) {
    return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
  }
  static Work linear_work(const LinearArgs& args) {
    return {.n_units = n_sixteens(args.weight.n_out()),
            .unit_cost = 16 * args.weight.n_in() * args.x.n_tokens};
  }

  // A unit is one head of one chain of lanes. Heads cost the same, lanes do not: shares are of
  // heads first.
  template <class Args>
  static Work wkv_work(const Args& args) {
    const std::int64_t n = n_chains(args.lanes);
    return {.n_units = args.w.n / args.head_size * n,
            .unit_cost = args.head_size * args.head_size * args.w.n_tokens / n};
  }

  // An op with a state, and what it was told into its log.
  template <class Args>
  Status recur(const Kernels<Args>& kernels, const Args& args, Work work) {
    EDDY_TRY(check_host(*args.state.buffer, "state rows"));
    EDDY_TRY(run(kernels, args, work));
    if (args.state.log_lanes.empty()) return {};
    Args told = args;
    std::array<ConstMat, kMaxLogged> inputs;
    std::size_t n_inputs = 0;
    each_update_input(told, [&](const ConstMat& input) { inputs[n_inputs++] = input; });
    return write_log({.lanes = args.lanes,
                      .rows = args.state.log,
                      .log_lanes = args.state.log_lanes,
                      .first_elem = first_logged(args),
                      .inputs = std::span(inputs).first(n_inputs)});
  }

  Status write_log(const LogWriteArgs& args) {
    EDDY_TRY(check_host(*args.rows.buffer, "a log"));
    const Work work = {.n_units = args.inputs.front().n_tokens,
                       .unit_cost = static_cast<std::int64_t>(args.rows.n_elems)};
    share_out(work, [&](Share units) { log_write(args, units); });
    return {};
  }

  Status check_type(const Weight& weight) const {
    if (can_multiply(weight.type)) return {};
    return fail(ErrorCode::kUnsupported, "{}: type {} cannot be computed with", weight.name,
                dtype_name(weight.type));
  }

  // Rows of K and V of host memory, of elements that a page can hold; in blocks where the type has
  // some, for parts of n_k and n_v elements.
  static Status check_pages(const KvView& kv, std::int64_t n_k, std::int64_t n_v) {
    EDDY_TRY(check_host(*kv.pages.buffer, "K and V"));
    const DType type = kv.pages.type;
    if (is_dense(type)) return {};
    if (type == DType::kQ8_0 && n_k % kQ8BlockElems == 0 && n_v % kQ8BlockElems == 0) return {};
    return fail(ErrorCode::kUnsupported,
                "K and V of {} with heads of {} and {} elements, expected F32, F16, BF16, or Q8_0 "
                "with multiples of {}",
                dtype_name(type), n_k, n_v, kQ8BlockElems);
  }

  // The bias first, as if out had held it.
  Status linear_with_bias(const LinearArgs& args) {
    EDDY_TRY(run(kLayBias, args, {.n_units = args.out.n_tokens, .unit_cost = args.out.n}));
    LinearArgs product = args;
    product.bias = {};
    product.accumulate = true;
    return linear(product);
  }

  template <class Args>
  Status run(const Kernels<Args>& kernels, const Args& args, Work work) {
    const auto kernel = kernels[isa_];
    share_out(work, [&](Share units) { kernel(args, units); });
    return {};
  }

  // f(units) for all units: by all threads, each its share, where that is worth waking them.
  template <class F>
  void share_out(Work work, const F& f) {
    if (work.n_units < 2 || work.n_units * work.unit_cost < kMinSharedCost) {
      return f(Share{0, work.n_units});
    }
    pool_->run([&](int part) { f(share_of(work.n_units, part, pool_->n_threads())); });
  }

  Status linear_blocks(const LinearArgs& args) {
    EDDY_TRY_ASSIGN(const QuantisedX x, quantised(args.x));
    const bool is_of_32 = dtype_info(args.weight.type).block_elems == 32;
    return run(is_of_32 ? kLinearBlocksOf32 : kLinearBlocksOf256,
               LinearBlocksArgs{.linear = args, .x = x}, linear_work(args));
  }

  Result<QuantisedX> quantised(ConstMat x) {
    QuantisedX out = {.n_blocks = x.n / kXBlockElems, .n_tokens = x.n_tokens};
    EDDY_TRY(reserve_blocks(out.n_blocks * out.n_tokens));
    out.blocks = reinterpret_cast<QuantisedBlock*>(quantised_->host());
    EDDY_TRY(run(kQuantise, QuantiseArgs{.x = x, .out = out},
                 {.n_units = x.n_tokens, .unit_cost = x.n}));
    return out;
  }

  // Room for quantised activations; grows with the largest call and then stays.
  Status reserve_blocks(std::int64_t n_blocks) {
    const std::uint64_t n_bytes = static_cast<std::uint64_t>(n_blocks) * sizeof(QuantisedBlock);
    if (quantised_ && quantised_->n_bytes() >= n_bytes) return {};
    EDDY_TRY_ASSIGN(quantised_, host_buffer_type().allocate(n_bytes));
    return {};
  }

  static constexpr std::size_t kMaxLogged = 5;

  Isa isa_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Buffer> quantised_;
};

}  // namespace

const Device& cpu_device() {
  static const CpuDevice device;
  return device;
}

Result<std::unique_ptr<Ops>> make_cpu_ops(const CpuOptions& options) {
  EDDY_TRY_ASSIGN(const Isa isa, find_isa(options.isa));
  EDDY_TRY_ASSIGN(auto pool, ThreadPool::create(options.n_threads));
  std::unique_ptr<Ops> ops(new (std::nothrow) CpuOps(isa, std::move(pool)));
  if (!ops) return Error{ErrorCode::kOutOfMemory, "cpu"};
  return ops;
}

}  // namespace eddy

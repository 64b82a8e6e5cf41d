// The recurrences of RWKV against worked examples: head size 2, two tokens, and a state that is
// not zero. The state is made, and read afterwards, by tokens of its own: where its elements lie is
// the kernel's matter.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "cpu/cpu_ops.h"
#include "cpu/isa.h"

namespace eddy {
namespace {

using Pair = std::array<float, 2>;

struct WkvToken {
  Pair r = {}, w = {1, 1}, k = {}, v = {}, a = {}, b = {};
};

// One head of size 2, fed token by token.
class Wkv {
 public:
  Wkv(std::string_view isa,
      std::function<Status(Ops&, const WkvToken&, const Lane&, StateRows, Mat)> op)
      : ops_(make_cpu_ops({.n_threads = 1, .isa = std::string(isa)}).value()),
        op_(std::move(op)),
        buffer_(host_buffer_type().allocate(4096).value()) {}

  Pair feed(const WkvToken& token) {
    const StateRows rows = {
        .buffer = buffer_.get(), .stride = 4096, .n_elems = wkv_state_elems(1, 2), .n_rows = 1};
    const Lane lane = {.first_token = 0, .n_tokens = 1, .src = src_, .dst = 0};
    src_ = 0;
    Pair out = {};
    const Status status = op_(*ops_, token, lane, rows, {out.data(), 2, 1, 2});
    EXPECT_TRUE(status.ok()) << status.error().message;
    return out;
  }

 private:
  std::unique_ptr<Ops> ops_;
  std::function<Status(Ops&, const WkvToken&, const Lane&, StateRows, Mat)> op_;
  std::unique_ptr<Buffer> buffer_;
  std::int32_t src_ = kZeroRow;
};

ConstMat mat(const Pair& pair) { return {pair.data(), 2, 1, 2}; }

Status wkv6(Ops& ops, const WkvToken& in, const Lane& lane, StateRows rows, Mat out) {
  constexpr Pair kU = {0.3f, -0.2f};
  return ops.wkv6({.r = mat(in.r),
                   .w = mat(in.w),
                   .k = mat(in.k),
                   .v = mat(in.v),
                   .u = kU,
                   .head_size = 2,
                   .lanes = {&lane, 1},
                   .state = rows,
                   .out = out});
}

Status gla(Ops& ops, const WkvToken& in, const Lane& lane, StateRows rows, Mat out) {
  return ops.wkv6({.r = mat(in.r),
                   .w = mat(in.w),
                   .k = mat(in.k),
                   .v = mat(in.v),
                   .u = {},
                   .head_size = 2,
                   .scale = std::sqrt(0.5f),
                   .lanes = {&lane, 1},
                   .state = rows,
                   .out = out});
}

Status wkv7(Ops& ops, const WkvToken& in, const Lane& lane, StateRows rows, Mat out) {
  return ops.wkv7({.r = mat(in.r),
                   .w = mat(in.w),
                   .k = mat(in.k),
                   .v = mat(in.v),
                   .a = mat(in.a),
                   .b = mat(in.b),
                   .head_size = 2,
                   .lanes = {&lane, 1},
                   .state = rows,
                   .out = out});
}

const std::vector<WkvToken> kTokens = {{.r = {1, -0.5f},
                                        .w = {0.9f, 0.5f},
                                        .k = {0.5f, 1.5f},
                                        .v = {2, -1},
                                        .a = {-0.6f, -0.8f},
                                        .b = {0.3f, 0.2f}},
                                       {.r = {0.25f, 2},
                                        .w = {0.8f, 0.6f},
                                        .k = {-1, 0.75f},
                                        .v = {0.5f, 3},
                                        .a = {-0.28f, 0.96f},
                                        .b = {0.14f, -0.48f}}};

void expect_near(const Pair& found, const Pair& expected) {
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found[i], expected[i], 2e-6) << i;
}

TEST(Wkv, SixComputesTheWorkedExample) {
  for (const Isa isa : available_isas()) {
    Wkv head(isa_name(isa), wkv6);
    head.feed({.k = {1, 0}, .v = {0.1f, 0.2f}});
    head.feed({.k = {0, 1}, .v = {0.3f, 0.4f}});
    expect_near(head.feed(kTokens[0]), {0.55f, -0.3f});
    expect_near(head.feed(kTokens[1]), {6.385f, -3.805f});
    expect_near(head.feed({.r = {1, 0}}), {0.372f, -3.256f});
    expect_near(head.feed({.r = {0, 1}}), {2.265f, 1.47f});
  }
}

TEST(Wkv, GatedLinearAttentionComputesTheWorkedExample) {
  for (const Isa isa : available_isas()) {
    Wkv head(isa_name(isa), gla);
    head.feed({.k = {1, 0}, .v = {0.1f, 0.2f}});
    head.feed({.k = {0, 1}, .v = {0.3f, 0.4f}});
    expect_near(head.feed(kTokens[0]), {-0.342947f, 0.233345f});
    expect_near(head.feed(kTokens[1]), {3.268955f, 1.503309f});
    const float scale = std::sqrt(0.5f);
    expect_near(head.feed({.r = {1, 0}}), {0.372f * scale, -3.256f * scale});
    expect_near(head.feed({.r = {0, 1}}), {2.265f * scale, 1.47f * scale});
  }
}

TEST(Wkv, SevenComputesTheWorkedExample) {
  for (const Isa isa : available_isas()) {
    Wkv head(isa_name(isa), wkv7);
    head.feed({.k = {1, 0}, .v = {0.1f, 0.3f}});
    head.feed({.k = {0, 1}, .v = {0.2f, 0.4f}});
    expect_near(head.feed(kTokens[0]), {-0.504f, 0.32f});
    expect_near(head.feed(kTokens[1]), {2.048488f, 3.13878f});
    expect_near(head.feed({.r = {1, 0}}), {0.689786f, -3.477264f});  // a column: key 0
    expect_near(head.feed({.r = {0, 1}}), {0.938021f, 2.004048f});
  }
}

}  // namespace
}  // namespace eddy

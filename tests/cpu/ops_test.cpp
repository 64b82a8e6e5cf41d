// Every op over the list of cases: equal bits on every instruction set and number of threads,
// however the tokens are fed, and within the bounds of the reference.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "cpu/cpu_ops.h"
#include "cpu/isa.h"
#include "cpu/support/op_cases.h"

namespace eddy::test {
namespace {

std::unique_ptr<Ops> make_ops(std::string_view isa, int n_threads) {
  return make_cpu_ops({.n_threads = n_threads, .isa = std::string(isa)}).value();
}

class OpsTest : public testing::TestWithParam<std::size_t> {
 public:
  static const OpCases& cases() {
    static const OpCases all = small_op_cases();
    return all;
  }
  const OpCase& c() const { return *cases()[GetParam()]; }
};

TEST_P(OpsTest, EveryInstructionSetGivesTheBitsOfThePlainOne) {
  const OpResult expected = run(c(), *make_ops("plain", 1), all_at_once(c()));
  for (const Isa isa : available_isas()) {
    EXPECT_TRUE(run(c(), *make_ops(isa_name(isa), 1), all_at_once(c())) == expected)
        << isa_name(isa);
  }
}

TEST_P(OpsTest, EveryNumberOfThreadsGivesTheSameBits) {
  const OpResult expected = run(c(), *make_ops("", 1), all_at_once(c()));
  for (int n_threads = 2; n_threads <= 4; ++n_threads) {
    EXPECT_TRUE(run(c(), *make_ops("", n_threads), all_at_once(c())) == expected) << n_threads;
  }
}

// Any cut of the sequences into calls, with any of them in a call, in any order, in place or not.
Schedule random_schedule(const OpCase& c, std::mt19937& random) {
  Schedule schedule;
  std::vector<int> left(static_cast<std::size_t>(c.shape().n_seqs), c.shape().n_tokens);
  while (std::ranges::any_of(left, [](int n) { return n > 0; })) {
    std::vector<int> order(left.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::ranges::shuffle(order, random);
    Call call;
    for (const int seq : order) {
      int& n_left = left[static_cast<std::size_t>(seq)];
      if (n_left == 0 || random() % 3 == 0) continue;
      const int n = 1 + static_cast<int>(random() % static_cast<unsigned>(n_left));
      call.push_back({seq, n, random() % 2 == 0});
      n_left -= n;
    }
    if (!call.empty()) schedule.push_back(call);
  }
  return schedule;
}

TEST_P(OpsTest, ASequencesBitsDependOnItsTokensAlone) {
  const auto ops = make_ops("", 2);
  const OpResult expected = run(c(), *ops, all_at_once(c()));
  std::mt19937 random(1);
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(run(c(), *ops, random_schedule(c(), random)) == expected) << "schedule " << i;
  }
}

TEST_P(OpsTest, ResultsAreWithinTheBoundsOfTheReference) {
  const OpResult found = run(c(), *make_ops("", 1), all_at_once(c()));
  for (int seq = 0; seq < c().shape().n_seqs; ++seq) {
    const auto& bits = found.out[static_cast<std::size_t>(seq)];
    const reference::Row expected = c().reference(seq);
    ASSERT_EQ(bits.size(), expected.size());
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const double error = std::abs(std::bit_cast<float>(bits[i]) - expected[i].v);
      ASSERT_LE(error, expected[i].e)
          << "sequence " << seq << ", element " << i << ", " << std::bit_cast<float>(bits[i])
          << ", expected " << expected[i].v;
    }
  }
}

std::string case_name(const testing::TestParamInfo<std::size_t>& info) {
  std::string name = OpsTest::cases()[info.param]->shape().name;
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsTest, testing::Range<std::size_t>(0, OpsTest::cases().size()),
                         case_name);

}  // namespace
}  // namespace eddy::test

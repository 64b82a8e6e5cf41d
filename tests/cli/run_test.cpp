// eddy run through pipes: the answer and nothing else.
#include <gtest/gtest.h>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

Outcome answer(Args more, std::string_view input = {}) {
  Args args = {"run", model_path(), "-n", "24"};
  args.insert(args.end(), more.begin(), more.end());
  return run_eddy(args, input);
}

TEST(Run, PrintsTheAnswerAndNothingElse) {
  const Outcome outcome = answer({"-p", "once upon a time"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out, "");
  EXPECT_EQ(outcome.err, "");
}

TEST(Run, ThePromptMayComeThroughAPipe) {
  const Outcome option = answer({"-p", "once upon a time"});
  EXPECT_EQ(answer({}, "once upon a time").out, option.out);
  EXPECT_EQ(answer({}, "once upon a time\n").out, option.out);
  EXPECT_NE(answer({}, "once upon a day").out, option.out);
}

TEST(Run, TheAnswerDoesNotDependOnHowItIsComputed) {
  const Args sampled = {"-p", "a longer prompt, cut in several ways", "--temp", "1", "--seed", "5"};
  const Outcome expected = answer(sampled);
  for (const Args& how : {Args{"-t", "1"}, Args{"-t", "3"}, Args{"--ubatch", "1"},
                          Args{"--ubatch", "5", "--batch", "7"}}) {
    Args args = sampled;
    args.insert(args.end(), how.begin(), how.end());
    EXPECT_EQ(answer(args).out, expected.out) << how[0];
  }
}

TEST(Run, ADraftModelChangesNoAnswer) {
  const Args sampled = {"-p", "a prompt", "--temp", "1", "--seed", "5", "--stats"};
  Args drafted = sampled;
  drafted.insert(drafted.end(), {"--draft", model_path(), "--park-folder",
                                 scratch_directory() + "/parked-beside-a-draft"});
  const Outcome expected = answer(sampled), found = answer(drafted);
  EXPECT_EQ(found.code, 0) << found.err;
  EXPECT_EQ(found.out, expected.out);
  EXPECT_EQ(expected.err.find("guessed:"), std::string::npos);
  EXPECT_NE(found.err.find("guessed:"), std::string::npos) << found.err;
  EXPECT_EQ(answer({"-p", "x", "--draft", "no.gguf"}).code, 1);
}

TEST(Run, TheSeedAndTheTemperatureCount) {
  const Outcome greedy = answer({"-p", "x"});
  const Outcome one = answer({"-p", "x", "--temp", "2", "--seed", "1"});
  const Outcome two = answer({"-p", "x", "--temp", "2", "--seed", "2"});
  EXPECT_NE(greedy.out, one.out);
  EXPECT_NE(one.out, two.out);
  EXPECT_EQ(answer({"-p", "x", "--temp", "2", "--seed", "1"}).out, one.out);
}

TEST(Run, AStopStringEndsTheAnswerBeforeIt) {
  const std::string whole = answer({"-p", "x"}).out;
  ASSERT_GT(whole.size(), 4U);
  std::size_t at = whole.size() / 2;  // the beginning of a code point
  while ((static_cast<unsigned char>(whole[at]) & 0xC0) == 0x80) --at;
  const std::string stop = whole.substr(at);
  const Outcome stopped = answer({"-p", "x", "--stop", "never", "--stop", stop});
  EXPECT_EQ(stopped.out, whole.substr(0, whole.find(stop)));
}

TEST(Run, AnAnswerOfNoTokensIsEmpty) {
  const Outcome outcome = run_eddy({"run", model_path(), "-p", "x", "-n", "0"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "");
}

TEST(Run, StatsGoToStandardError) {
  const Outcome plain = answer({"-p", "x"});
  const Outcome stats = answer({"-p", "x", "--stats"});
  EXPECT_EQ(stats.out, plain.out);
  EXPECT_NE(stats.err.find("tokens/s"), std::string::npos);
}

TEST(Run, HostileInputIsOnlyText) {
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += static_cast<char>(i * 7);
  const Outcome outcome = answer({}, bytes);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
}

TEST(Run, AnEmptyPromptIsRefusedWhereTheModelHasNoBegin) {
  const Outcome outcome = answer({"-p", ""});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
}  // namespace eddy::cli_test

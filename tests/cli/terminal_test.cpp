// eddy run at a terminal: editing, history, Ctrl-C, progress.
#include <gtest/gtest.h>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

constexpr const char* kInterrupt = "\x03";
constexpr const char* kUp = "\x1b[A";

std::string history() { return read_file(scratch_directory() + "/.local/state/eddy/history"); }

// No answers: what is tested is the line editor.
Args silent() { return {"run", model_path(), "-n", "0"}; }

// An answer without end, in which nothing looks like the prompt.
Args endless() {
  const std::string id = run_eddy({"tokenize", model_path(), "-p", ">"}).out;
  const std::string bias = id.substr(0, id.find_first_not_of("0123456789")) + "=-inf";
  return {"run", model_path(), "-n", "1000000000", "--logit-bias", bias, "--logit-bias", "0=-inf"};
}

TEST(Terminal, AnswersLinesUntilTheEndOfInput) {
  Terminal terminal({"run", model_path(), "-n", "5"});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(terminal.shows("> "));
    terminal.type("hello\r");
  }
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Terminal, LinesCanBeEditedAndComeBackFromTheHistory) {
  Terminal terminal(silent());
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("wordx\x7fs\r");  // a wrong letter, deleted
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kUp);
  ASSERT_TRUE(terminal.shows("words"));
  terminal.type(" more\r");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_NE(history().find("words\n"), std::string::npos);
  // libedit writes a space as \040.
  EXPECT_NE(history().find("words\\040more\n"), std::string::npos);

  Terminal later(silent());
  ASSERT_TRUE(later.shows("> "));
  later.type(kUp);
  EXPECT_TRUE(later.shows("words more"));
}

TEST(Terminal, CtrlCDropsTheLine) {
  Terminal terminal(silent());
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("never sent");
  ASSERT_TRUE(terminal.shows("never sent"));
  terminal.type(kInterrupt);
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("sent\r");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_EQ(history().find("never"), std::string::npos);
}

TEST(Terminal, CtrlCStopsTheAnswerNotTheProgram) {
  Terminal terminal(endless());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(terminal.shows("> "));
    terminal.type("again\r");
    ASSERT_TRUE(terminal.shows("again\r\n"));
    terminal.type(kInterrupt);
  }
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Terminal, CtrlCEndsASingleAnswerWithItsOwnCode) {
  Args args = endless();
  args.insert(args.end(), {"-p", "x"});
  Terminal terminal(args);
  ASSERT_TRUE(terminal.shows(""));
  terminal.type(kInterrupt);
  EXPECT_EQ(terminal.wait(), 130);
}

TEST(Terminal, ProgressIsShownThereAndOnlyThere) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word ";
  const Args args = {"run", model_path(), "-n", "1", "-p", text};
  Terminal terminal(args);
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_NE(terminal.screen().find("reading 4000 tokens  ["), std::string::npos)
      << terminal.screen();
  EXPECT_EQ(run_eddy(args).err, "");
}

TEST(Terminal, ProgressSaysWhatIsRestored) {
  Args args = silent();
  args.insert(args.end(), {"--ubatch", "256"});
  Terminal terminal(args);
  ASSERT_TRUE(terminal.shows("> "));
  const std::string text(2000, 'q');  // a token each
  for (const std::string& line : {text, std::string("/reset"), text + std::string(1500, 'z')}) {
    terminal.type(line + "\r");
    ASSERT_TRUE(terminal.shows("\n> "));
  }
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_NE(terminal.screen().find("1999 restored"), std::string::npos) << terminal.screen();
}

}  // namespace
}  // namespace eddy::cli_test

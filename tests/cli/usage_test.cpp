// What every command has in common: help, exit codes, errors of one line, completion, man page.
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

const std::vector<std::string> kCommands = {"run",    "batch",      "inspect", "tokenize",
                                            "logits", "perplexity", "bench",   "convert",
                                            "state",  "completion"};

// The spellings of the options in a help text.
std::set<std::string> options_in(const std::string& help) {
  static const std::regex kOption("(^|[ ,])(--?[a-z][a-z-]*)");
  std::set<std::string> options;
  const std::string text = help.substr(0, help.find("Example"));
  for (std::sregex_iterator it(text.begin(), text.end(), kOption), end; it != end; ++it) {
    options.insert((*it)[2]);
  }
  return options;
}

std::string absent_folder() { return scratch_directory() + "/absent"; }

std::string without(std::string text, char c) {
  std::erase(text, c);
  return text;
}

TEST(Usage, VersionIsOneLine) {
  const Outcome outcome = run_eddy({"--version"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(std::regex_match(outcome.out, std::regex("eddy [0-9]+\\.[0-9]+\\.[0-9]+\n")));
  EXPECT_EQ(outcome.err, "");
}

TEST(Usage, HelpNamesEveryCommandAndGivesExamples) {
  const Outcome top = run_eddy({"--help"});
  EXPECT_EQ(top.code, 0);
  EXPECT_EQ(top.err, "");
  for (const std::string& command : kCommands) {
    EXPECT_NE(top.out.find("  " + command + " "), std::string::npos) << command;
    const Outcome help = run_eddy({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_NE(help.out.find("eddy " + command + " "), std::string::npos) << command;
    EXPECT_NE(help.out.find("Example"), std::string::npos) << command;
  }
}

TEST(Usage, EveryOptionIsInTheManPageAndInEachCompletion) {
  const std::string man = without(read_file(EDDY_SOURCE_DIR "/docs/eddy.1"), '\\');
  for (const std::string& command : kCommands) {
    const auto options = options_in(run_eddy({command, "--help"}).out);
    EXPECT_TRUE(options.contains("--help")) << command;
    EXPECT_NE(man.find(command), std::string::npos);
    for (const std::string& option : options) {
      EXPECT_TRUE(std::regex_search(man, std::regex(option + "[ \"\n]"))) << command << option;
    }
    for (const std::string shell : {"bash", "zsh"}) {
      const Outcome script = run_eddy({"completion", shell});
      EXPECT_EQ(script.code, 0);
      const std::size_t at = script.out.find(" " + command + ")");
      ASSERT_NE(at, std::string::npos) << shell << command;
      const std::string part = script.out.substr(at, script.out.find(";;", at) - at);
      for (const std::string& option : options) {
        EXPECT_TRUE(std::regex_search(part, std::regex("[ ']" + option + "[ \\[]")))
            << shell << ": " << command << " " << option;
      }
    }
    const std::string fish = run_eddy({"completion", "fish"}).out;
    for (const std::string& option : options) {
      const bool is_long = option.starts_with("--");
      const std::string entry = "from " + command + "' " + (is_long ? "-l " : "-s ") +
                                option.substr(is_long ? 2 : 1) + " ";
      EXPECT_NE(fish.find(entry), std::string::npos) << command << " " << option;
    }
  }
}

TEST(Usage, CompletionScriptsAreValidForTheirShells) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string path = write_file("completion." + shell, run_eddy({"completion", shell}).out);
    if (std::system(("command -v " + shell + " > /dev/null").c_str()) != 0) {
      std::printf("%s is not installed: its script is not checked\n", shell.c_str());
      continue;
    }
    EXPECT_EQ(std::system((shell + " -n " + path).c_str()), 0) << shell;
  }
}

TEST(Usage, WrongUsageIsCodeTwoAndOneLine) {
  const std::string model = model_path();
  const std::vector<Args> wrong = {{},
                                   {"sing"},
                                   {"run"},
                                   {"run", model, "--no-such-option"},
                                   {"run", model, "-p"},
                                   {"run", model, "-p", "x", "-n", "many"},
                                   {"run", model, "-p", "x", "-n", "-1"},
                                   {"run", model, "-p", "x", "--temp", "200"},
                                   {"run", model, "-p", "x", "--temp", "nan"},
                                   {"run", model, "-p", "x", "--top-p", "0"},
                                   {"run", model, "-p", "x", "--logit-bias", "7"},
                                   {"run", model, "-p", "x", "--logit-bias", "99999999=1"},
                                   {"run", model, "-p", "x", "--type-r", "q8_0"},
                                   {"run", model, "-p", "x", "--type-kv", "q4_0"},
                                   {"run", model, "-p", "x", "--kv-size", "0"},
                                   {"run", model, "-p", "x", "--prefix-cache-codec", "zip"},
                                   {"run", model, "-p", "x", "--threads", "-1"},
                                   {"run", model, "-p", "x", "--ubatch", "0"},
                                   {"run", model, "-p", "x", "--stop", ""},
                                   {"run", model, "-p", "x", "--isa", "abacus"},
                                   {"run", model, "-p", "x", "--seed", "-1"},
                                   {"logits", model},
                                   {"bench", model, "-p", "none"},
                                   {"bench", model, "--format", "xml"},
                                   {"bench"},
                                   {"bench", "codecs", model},
                                   {"bench", "traces", model},
                                   {"bench", "traces", "--budgets", "much"},
                                   {"bench", "traces", "--state-kib", "0"},
                                   {"convert", absent_folder()},
                                   {"convert", absent_folder(), "x", "--type", "q4_0"},
                                   {"state"},
                                   {"state", "dance"},
                                   {"state", "show"},
                                   {"state", "plot", "a"},
                                   {"run", model, "-p", "x", "--session", "a\nb"},
                                   {"completion", "tcsh"}};
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_TRUE(is_one_error_line(run_eddy(wrong[i]), 2)) << "case " << i;
  }
}

TEST(Usage, BadFilesAreCodeOneAndOneLineThatNamesThem) {
  const std::string model = model_path();
  const std::string garbage = write_file("garbage.gguf", "this is no model");
  const std::string words = write_file("words.txt", "1 2 three");
  const std::string absent = scratch_directory() + "/absent";
  const std::vector<std::pair<Args, std::string>> wrong = {
      {{"run", absent, "-p", "x"}, absent},
      {{"run", garbage, "-p", "x"}, garbage},
      {{"run", scratch_directory(), "-p", "x"}, scratch_directory()},
      {{"inspect", garbage}, garbage},
      {{"tokenize", garbage, "-p", "x"}, garbage},
      {{"bench", absent}, absent},
      {{"perplexity", model, absent}, absent},
      {{"convert", absent, absent + ".gguf"}, absent + "/config.json"},
      {{"logits", model, "--tokens", absent, "--out", absent}, absent},
      {{"logits", model, "--tokens", words, "--out", absent}, words},
      {{"logits", model, "--tokens", write_file("ids.txt", "1 2"), "--out", absent + "/x"}, absent},
      {{"logits", model, "--tokens", write_file("ids.txt", "1 2"), "--out", "/dev/full"}, "full"}};
  for (const auto& [args, name] : wrong) {
    const Outcome outcome = run_eddy(args);
    EXPECT_TRUE(is_one_error_line(outcome, 1)) << args[0];
    EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
  }
}

TEST(Usage, ALineBreakInANameDoesNotBreakTheErrorLine) {
  EXPECT_TRUE(is_one_error_line(run_eddy({"run", "no\nsuch\nfile", "-p", "x"}), 1));
}

}  // namespace
}  // namespace eddy::cli_test

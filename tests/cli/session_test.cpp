// Conversations that survive the program: eddy run --session, /save, /load.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

// A folder of kept conversations that no other test uses.
std::string store(const std::string& name) { return scratch_directory() + "/store " + name; }

Outcome say(const std::string& folder, const std::string& session, const std::string& prompt,
            Args more = {}) {
  Args args = {"run",  model_path(), "-n",    "12", "--store",
               folder, "--session",  session, "-p", prompt};
  args.insert(args.end(), more.begin(), more.end());
  return run_eddy(args);
}

void type_line(Terminal& terminal, const std::string& line, std::string_view shown) {
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(line + "\r");
  ASSERT_TRUE(terminal.shows(shown)) << line;
}

// What one program says that is told everything, and another that ends after each answer, are one.
TEST(Session, ARestartIsNothingHappened) {
  Terminal terminal({"run", model_path(), "-n", "12", "--store", store("a"), "--session", "whole"});
  for (const std::string line : {"first", "second", "third"}) {
    ASSERT_TRUE(terminal.shows("> "));
    terminal.type(line + "\r");
  }
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  ASSERT_EQ(terminal.wait(), 0);
  for (const std::string line : {"first", "second", "third"}) {
    const Outcome outcome = say(store("a"), "parts", line);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
  }
  // The states are the same bytes, so the second file is not there.
  const Outcome verified = run_eddy({"state", "verify", "--store", store("a")});
  EXPECT_EQ(verified.out, "ok       parts\nok       whole\n");
  std::size_t n_files = 0;
  for (const auto& file : std::filesystem::directory_iterator(store("a") + "/blobs")) {
    n_files += file.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(n_files, 1u);
}

// What was asked where is kept too: prompts of an earlier run are taken back, and answered again.
TEST(Session, WhatWasSaidBeforeARestartIsTakenBack) {
  const std::string folder = store("u");
  for (const std::string line : {"first", "second", "third"}) {
    ASSERT_EQ(say(folder, "s", line).code, 0);
    ASSERT_EQ(line == "third" ? 0 : say(folder, "expected", line).code, 0);
  }
  Terminal terminal({"run", model_path(), "-n", "12", "--store", folder, "--session", "s"});
  const auto say_line = [&](const std::string& line, std::string_view shown) {
    type_line(terminal, line, shown);
  };
  say_line("/undo 4", "there are 3 prompts");
  say_line("/undo", "tokens are left");
  say_line("/retry", "/retry");  // greedy: the same answer
  say_line("/undo 3", "there are 2 prompts");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
  const Outcome same = run_eddy({"state", "diff", "s", "expected", "--store", folder});
  EXPECT_EQ(same.code, 0) << same.err;
  EXPECT_NE(same.out.find("0.00 %"), std::string::npos) << same.out;
}

TEST(Session, GoesOnWhereItWas) {
  const std::string folder = store("b");
  const Outcome first = say(folder, "s", "once upon a time");
  EXPECT_EQ(first.out, run_eddy({"run", model_path(), "-n", "12", "-p", "once upon a time"}).out);
  const Outcome second = say(folder, "s", "once upon a time");
  EXPECT_NE(second.out, first.out);
  EXPECT_EQ(say(folder, "other", "once upon a time").out, first.out);
}

TEST(Session, AnotherModelsConversationIsRefusedAndStays) {
  const std::string folder = store("c");
  ASSERT_EQ(say(folder, "s", "hello").code, 0);
  make_model::Plan plan = tiny_plan(DType::kF16);
  const std::string other = write_plan("other.gguf", plan);
  const Outcome refused =
      run_eddy({"run", other, "--store", folder, "--session", "s", "-p", "hello"});
  EXPECT_TRUE(is_one_error_line(refused, 1));
  EXPECT_NE(refused.err.find("session s"), std::string::npos);
  EXPECT_NE(refused.err.find("model"), std::string::npos);
  EXPECT_EQ(say(folder, "s", "more").code, 0);
}

TEST(Session, ADamagedConversationIsRefused) {
  const std::string folder = store("d");
  ASSERT_EQ(say(folder, "s", "hello").code, 0);
  for (const auto& file : std::filesystem::directory_iterator(folder + "/blobs")) {
    std::string bytes = read_file(file.path().string());
    bytes[bytes.size() / 2] ^= 1;
    std::filesystem::remove(file.path());
    write_file("store d/blobs/" + file.path().filename().string(), bytes);
  }
  EXPECT_TRUE(is_one_error_line(say(folder, "s", "more"), 1));
}

TEST(Session, AFolderThatCannotBeWrittenIsOneErrorLine) {
  write_file("no folder", "");
  const Outcome outcome = say(scratch_directory() + "/no folder", "s", "hello");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("no folder"), std::string::npos);
}

TEST(Session, TheUsualPlaceIsBelowHome) {
  ASSERT_EQ(run_eddy({"run", model_path(), "-n", "2", "--session", "usual", "-p", "x"}).code, 0);
  EXPECT_NE(run_eddy({"state", "ls"}).out.find("usual"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(scratch_directory() + "/.local/share/eddy/states/lock"));
}

TEST(Session, AKeySealsIt) {
  const std::string folder = store("sealed"), key = write_file("key", std::string(32, 'k'));
  const std::string other = write_file("other key", std::string(32, 'o'));
  const Outcome first = say(folder, "s", "once upon a time", {"--key-file", key});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out, run_eddy({"run", model_path(), "-n", "12", "-p", "once upon a time"}).out);
  EXPECT_EQ(say(folder, "s", "more", {"--key-file", key}).code, 0);
  const Outcome without = say(folder, "s", "more");
  EXPECT_TRUE(is_one_error_line(without, 1));
  EXPECT_NE(without.err.find("--key-file"), std::string::npos);
  EXPECT_TRUE(is_one_error_line(say(folder, "s", "more", {"--key-file", other}), 1));
  EXPECT_TRUE(is_one_error_line(say(folder, "s", "more", {"--key-file", other + "none"}), 1));
  EXPECT_TRUE(
      is_one_error_line(say(folder, "s", "more", {"--key-file", write_file("short key", "k")}), 1));
  const Args where = {"--store", folder, "--key-file", key};
  const auto state = [&](Args args) {
    args.insert(args.begin(), "state");
    args.insert(args.end(), where.begin(), where.end());
    return run_eddy(args);
  };
  EXPECT_EQ(state({"verify"}).out, "ok       s\n");
  EXPECT_EQ(run_eddy({"state", "verify", "--store", folder}).code, 1);
  EXPECT_EQ(state({"show", "s"}).code, 0);
  EXPECT_EQ(state({"export", "s", folder + ".session"}).code, 0);
  EXPECT_TRUE(read_file(folder + ".session").starts_with("EDDYSESS"));
}

// Two programs with one conversation: what the other has said is not lost unawares.
TEST(Session, WhatAnotherProgramHasChangedIsNotOverwritten) {
  const std::string folder = store("e");
  ASSERT_EQ(say(folder, "s", "hello").code, 0);
  Terminal terminal({"run", model_path(), "-n", "3", "--store", folder, "--session", "s"});
  ASSERT_TRUE(terminal.shows("tokens so far"));
  ASSERT_TRUE(terminal.shows("> "));
  ASSERT_EQ(say(folder, "s", "meanwhile").code, 0);
  const std::string listed = run_eddy({"state", "ls", "--store", folder}).out;
  terminal.type("hello\r");
  ASSERT_TRUE(terminal.shows("another program has changed it"));
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/save mine\r");
  ASSERT_TRUE(terminal.shows("saved mine"));
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 1);
  const std::string later = run_eddy({"state", "ls", "--store", folder}).out;
  EXPECT_NE(later.find("mine"), std::string::npos);
  EXPECT_NE(later.find(listed.substr(listed.find("\ns "))), std::string::npos);
}

// --- Commands in a conversation -----------------------------------------------------------------

TEST(Commands, SaveAndLoadGoBack) {
  const std::string folder = store("f");
  Terminal terminal({"run", model_path(), "-n", "0", "--store", folder, "--session", "s"});
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("hello\r");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/save mark\r");
  ASSERT_TRUE(terminal.shows("saved mark: "));
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("more and more\r");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/load mark\r");
  ASSERT_TRUE(terminal.shows("loaded mark: "));
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
  const Outcome same = run_eddy({"state", "diff", "s", "mark", "--store", folder});
  EXPECT_EQ(same.code, 0) << same.err;
  EXPECT_NE(same.out.find("0.00 %"), std::string::npos);
}

TEST(Commands, HelpNamesThemAndMistakesEndNothing) {
  Terminal terminal({"run", model_path(), "-n", "0", "--store", store("g")});
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/help\r");
  for (const char* command : {"/help", "/park [NAME]", "/reset", "/save NAME", "/load NAME"}) {
    ASSERT_TRUE(terminal.shows(command));
  }
  const std::pair<const char*, const char*> mistakes[] = {{"/dance", "no such command"},
                                                          {"/save", "expected \"/save NAME\""},
                                                          {"/help me", "expected \"/help\""},
                                                          {"/load nothing", "no store of states"}};
  for (const auto& [line, answer] : mistakes) {
    ASSERT_TRUE(terminal.shows("> "));
    terminal.type(std::string(line) + "\r");
    ASSERT_TRUE(terminal.shows(answer)) << line;
  }
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/usr/bin is text\r");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Commands, TabCompletesThemAndNames) {
  const std::string folder = store("h");
  ASSERT_EQ(say(folder, "diary", "hello").code, 0);
  Terminal terminal({"run", model_path(), "-n", "0", "--store", folder});
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/lo\tdi\t\r");
  ASSERT_TRUE(terminal.shows("loaded diary: "));
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type("/\t");
  ASSERT_TRUE(terminal.shows("/reset"));
  ASSERT_TRUE(terminal.shows("> /"));  // the list is whole: what is typed before may be dropped
  terminal.type("res\t");
  ASSERT_TRUE(terminal.shows("et"));
  terminal.type("\r");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Session, BranchesPartAndAreTakenBack) {
  Terminal terminal({"run", model_path(), "-n", "5", "--store", store("i")});
  const auto say_line = [&](const std::string& line, std::string_view shown) {
    type_line(terminal, line, shown);
  };
  say_line("/retry", "no answer");
  say_line("/undo", "0 prompts");
  say_line("hello", "hello");
  say_line("/fork a", "branch a: ");
  say_line("/fork a", "is there already");
  say_line("more", "more");
  say_line("/branches", "* main: ");
  ASSERT_TRUE(terminal.shows("    a: "));
  say_line("/retry", "retry");
  say_line("/undo", "tokens are left");
  say_line("/undo x", "expected a number");
  say_line("/switch b", "no branch b");
  say_line("/switch a", "branch a: ");
  say_line("/branches", "*   a: ");
  say_line("/why", "prompt: ");
  say_line("/map", "prefix cache: ");
  say_line("/park", "parked a: ");
  say_line("/park", "it is parked already");
  say_line("/park b", "no branch b");
  say_line("/map", "parked");
  say_line("/stats", "tokens/s");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Session, BranchesSurviveARestart) {
  const std::string folder = store("k");
  const auto start = [&] {
    return std::make_unique<Terminal>(
        Args{"run", model_path(), "-n", "3", "--store", folder, "--session", "s"});
  };
  auto terminal = start();
  const auto say_line = [&](const std::string& line, std::string_view shown) {
    ASSERT_TRUE(terminal->shows("> "));
    terminal->type(line + "\r");
    ASSERT_TRUE(terminal->shows(shown)) << line;
  };
  const auto end = [&] {
    ASSERT_TRUE(terminal->shows("> "));
    terminal->type(kEndOfInput);
    EXPECT_EQ(terminal->wait(), 0);
  };
  say_line("hello", "hello");
  say_line("/fork b", "branch b: ");
  say_line("more and more", "more and more");
  say_line("/fork c", "branch c: ");
  say_line("/switch b", "branch b: ");
  say_line("else", "else");
  end();
  EXPECT_EQ(run_eddy({"state", "verify", "--store", folder}).out,
            "ok       s\nok       s/b\nok       s/c\n");
  terminal = start();
  ASSERT_TRUE(terminal->shows("session s: "));
  ASSERT_TRUE(terminal->shows("  main: "));
  ASSERT_TRUE(terminal->shows("*   b: "));
  ASSERT_TRUE(terminal->shows(", parted at "));
  ASSERT_TRUE(terminal->shows("    c: "));
  say_line("/switch c", "branch c: ");
  end();
  terminal = start();
  ASSERT_TRUE(terminal->shows("*   c: "));
  end();
}

// Two branches share a cell until one of them goes on; parked together, each comes back by itself.
TEST(Session, TheMapShowsWhoSharesWhatAndWhatIsParked) {
  const std::string folder = scratch_directory() + "/parked";
  Terminal terminal(
      {"run", model_path(), "-n", "5", "--store", store("j"), "--park-folder", folder});
  const auto say_line = [&](const std::string& line, std::string_view shown) {
    type_line(terminal, line, shown);
  };
  const auto n_files = [&] {
    return std::distance(std::filesystem::directory_iterator(folder + "/blobs"), {});
  };
  say_line("/park", "it has no state yet");
  say_line("/map", "  none ");
  say_line("a prompt that is long enough for its state to be stored", "stored");
  say_line("/fork a", "branch a: ");
  say_line("/map", "main, a");
  ASSERT_TRUE(terminal.shows("parked: 0 sessions"));
  ASSERT_TRUE(terminal.shows("1 ends of prompts"));
  say_line("/park a", "parked main, a: ");
  say_line("/map", "parked: 2 sessions");
  EXPECT_EQ(n_files(), 1);
  say_line("more", "more");
  say_line("/map", "parked: 1 sessions");
  say_line("/pa\tm\t", "parked main: ");
  ASSERT_TRUE(terminal.shows("> "));
  terminal.type(kEndOfInput);
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_EQ(n_files(), 0);
}

}  // namespace
}  // namespace eddy::cli_test

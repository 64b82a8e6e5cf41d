// eddy logits: as many numbers as promised, the bits of the engine, and files that are whole.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/program.h"
#include "eddy/engine.h"

namespace eddy::cli_test {
namespace {

constexpr std::int32_t kVocab = 288;
constexpr std::size_t kTokens = 45;

std::vector<Token> tokens() {
  std::vector<Token> all;
  for (std::size_t i = 0; i < kTokens; ++i) {
    all.push_back(Token(static_cast<std::int32_t>(i * 101 % kVocab)));
  }
  return all;
}

std::string ids_path() {
  std::string text;
  for (const Token token : tokens()) text += std::to_string(token.value) + "\n";
  return write_file("ids.txt", text);
}

Outcome logits(const std::string& ids, const std::string& out, Args more = {}) {
  Args args = {"logits", model_path(), "--tokens", ids, "--out", out};
  args.insert(args.end(), more.begin(), more.end());
  return run_eddy(args);
}

// The bytes that the engine computes.
std::string expected() {
  auto engine = Engine::open(model_path());
  EXPECT_TRUE(engine.ok()) << engine.error().message;
  std::string bytes;
  const Status done = engine->evaluate(tokens(), [&](Pos, std::span<const float> row) {
    bytes.append(reinterpret_cast<const char*>(row.data()), row.size_bytes());
    return true;
  });
  EXPECT_TRUE(done.ok()) << done.error().message;
  return bytes;
}

std::size_t n_files() {
  const std::filesystem::directory_iterator begin(scratch_directory()), end;
  return static_cast<std::size_t>(std::distance(begin, end));
}

TEST(Logits, WritesARowForEveryToken) {
  const std::string out = scratch_directory() + "/rows.f32";
  const Outcome outcome = logits(ids_path(), out);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out + outcome.err, "");
  EXPECT_EQ(read_file(out).size(), kTokens * kVocab * sizeof(float));
  EXPECT_TRUE(read_file(out) == expected());
}

TEST(Logits, TheBitsDoNotDependOnHowTheyAreComputed) {
  const std::string out = scratch_directory() + "/how.f32";
  for (const Args& how : {Args{"--ubatch", "1"}, Args{"--ubatch", "7", "--batch", "13"},
                          Args{"-t", "1"}, Args{"-t", "3"}, Args{"--isa", "plain"}}) {
    EXPECT_EQ(logits(ids_path(), out, how).code, 0);
    EXPECT_TRUE(read_file(out) == expected()) << how[0] << " " << how[1];
  }
}

TEST(Logits, ADashIsStandardInputOrOutput) {
  const Outcome outcome = logits(ids_path(), "-");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(outcome.out == expected());
  const Args args = {"logits", model_path(), "--tokens", "-", "--out", "-"};
  EXPECT_TRUE(run_eddy(args, read_file(ids_path())).out == expected());
}

TEST(Logits, AnOldFileIsReplacedByAWholeOneOrNotAtAll) {
  const std::string out = write_file("old.f32", std::string(1 << 20, 'x'));
  const std::string outside = write_file("outside.txt", "1 2 3 288");
  const std::string inside = write_file("inside.txt", "1 2 3");
  model_path();
  const std::size_t n_before = n_files();
  EXPECT_TRUE(is_one_error_line(logits(outside, out), 2));
  EXPECT_EQ(read_file(out), std::string(1 << 20, 'x'));
  EXPECT_EQ(n_files(), n_before);
  EXPECT_EQ(logits(inside, out).code, 0);
  EXPECT_EQ(read_file(out).size(), 3 * kVocab * sizeof(float));
  EXPECT_EQ(n_files(), n_before);
}

TEST(Logits, AFailureLeavesNoNewFile) {
  const std::string out = scratch_directory() + "/never.f32";
  EXPECT_TRUE(is_one_error_line(logits(write_file("outside.txt", "288"), out), 2));
  EXPECT_TRUE(is_one_error_line(logits(write_file("empty.txt", " \n"), out), 1));
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(Logits, APipeStaysAPipe) {
  const std::string path = scratch_directory() + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_TRUE(is_one_error_line(logits(write_file("outside.txt", "288"), path), 2));
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  EXPECT_EQ(logits(write_file("few.txt", "1 2"), path).code, 0);
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  std::string bytes(1 << 16, '\0');
  EXPECT_EQ(read(fd, bytes.data(), bytes.size()), ssize_t{2 * kVocab * sizeof(float)});
  close(fd);
}

TEST(Logits, AFullDeviceIsAnErrorAndStays) {
  const std::string link = scratch_directory() + "/full";
  std::filesystem::create_symlink("/dev/full", link);
  EXPECT_TRUE(is_one_error_line(logits(ids_path(), link), 1));  // too much for any buffer
  EXPECT_TRUE(is_one_error_line(logits(write_file("few.txt", "1"), link), 1));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

}  // namespace
}  // namespace eddy::cli_test

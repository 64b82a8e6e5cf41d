// eddy state: kept conversations, looked after.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

class State : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = scratch_directory() + "/state of " + test;
    keep("long", "a much longer prompt than the other");
    keep("short", "a prompt");
  }

  void keep(const std::string& name, const std::string& prompt) const {
    const Outcome outcome = run_eddy(
        {"run", model_path(), "-n", "0", "--store", folder_, "--session", name, "-p", prompt});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  Outcome state(Args args) const {
    args.insert(args.begin(), "state");
    args.insert(args.end(), {"--store", folder_});
    return run_eddy(args);
  }
  std::string path(const std::string& name) const { return folder_ + "." + name; }
  std::string blob() const {
    return std::filesystem::directory_iterator(folder_ + "/blobs")->path().string();
  }

  std::string folder_;
};

TEST_F(State, ListsByName) {
  const Outcome listed = state({"ls"});
  EXPECT_EQ(listed.code, 0);
  EXPECT_TRUE(std::regex_search(
      listed.out, std::regex("^name +tokens +bytes +last use +model\n"
                             "long +[0-9]+ +[0-9]+ +[0-9-]{10} [0-9:]{5} +[0-9a-f]{8}\n"
                             "short +[0-9]+ +[0-9]+ +[0-9-]{10} [0-9:]{5} +[0-9a-f]{8}\n$")))
      << listed.out;
  const auto json = nlohmann::json::parse(state({"ls", "--json"}).out);
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["name"], "long");
  EXPECT_GT(json[0]["tokens"], json[1]["tokens"]);
  EXPECT_EQ(json[0]["model"].get<std::string>().size(), 32u);
}

TEST_F(State, ShowsEachLayersNorms) {
  const Outcome shown = state({"show", "long"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  for (const char* part : {"name    long\n", "types   R F32, S F32\n"}) {
    EXPECT_NE(shown.out.find(part), std::string::npos) << part;
  }
  EXPECT_TRUE(std::regex_search(shown.out, std::regex("\n +1  R +[0-9]+ +[0-9.e+-]+\n")))
      << shown.out;
  EXPECT_TRUE(is_one_error_line(state({"show", "none"}), 1));
}

TEST_F(State, WhereNothingWasReadThereIsNothingToSee) {
  keep("empty", "x");  // its one token is read with the answer
  const Outcome shown = state({"show", "empty"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_NE(shown.out.find("tokens  1, 0 read\n"), std::string::npos) << shown.out;
  EXPECT_TRUE(is_one_error_line(state({"diff", "empty", "long"}), 1));
  EXPECT_TRUE(is_one_error_line(state({"plot", "empty", "--out", path("svg")}), 1));
  EXPECT_FALSE(std::filesystem::exists(path("svg")));
}

TEST_F(State, DiffIsZeroForEqualsAndNotForOthers) {
  const Outcome same = state({"diff", "long", "long"});
  EXPECT_EQ(same.code, 0);
  EXPECT_EQ(same.out.find("0.01 %"), std::string::npos);
  const std::regex row("\n +[0-9]+  [RS] +([0-9.e+-]+) +([0-9.e+-]+) +([0-9.e+-]+) +[0-9.]+ %");
  std::smatch match;
  ASSERT_TRUE(std::regex_search(same.out, match, row)) << same.out;
  EXPECT_EQ(match[1], match[2]);
  EXPECT_EQ(match[3], "0");
  const Outcome other = state({"diff", "long", "short"});
  ASSERT_TRUE(std::regex_search(other.out, match, row)) << other.out;
  EXPECT_NE(match[3], "0");
}

TEST_F(State, StatesOfOtherShapesAreNotCompared) {
  const std::string half = "half";
  ASSERT_EQ(run_eddy({"run", model_path(), "-n", "0", "--type-r", "f16", "--store", folder_,
                      "--session", half, "-p", "a prompt"})
                .code,
            0);
  EXPECT_TRUE(is_one_error_line(state({"diff", "long", half}), 1));
  EXPECT_EQ(state({"show", half}).code, 0);
}

TEST_F(State, PlotsOneAndTwo) {
  EXPECT_EQ(state({"plot", "long", "--out", path("svg")}).code, 0);
  const std::string one = read_file(path("svg"));
  EXPECT_TRUE(one.starts_with("<svg "));
  EXPECT_TRUE(one.ends_with("</svg>\n"));
  EXPECT_NE(one.find("Norm of R"), std::string::npos);
  EXPECT_NE(one.find("Norm of S"), std::string::npos);
  EXPECT_EQ(one.find("difference"), std::string::npos);
  EXPECT_EQ(state({"plot", "long", "short", "--out", path("svg")}).code, 0);
  EXPECT_NE(read_file(path("svg")).find("difference"), std::string::npos);
  EXPECT_TRUE(is_one_error_line(state({"plot", "long", "--out", path("absent/svg")}), 1));
}

TEST_F(State, ExportedIsImportedAgain) {
  EXPECT_EQ(state({"export", "long", path("file")}).code, 0);
  EXPECT_EQ(std::filesystem::status(path("file")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(state({"import", path("file"), "again"}).code, 0);
  EXPECT_EQ(state({"export", "again", path("second")}).code, 0);
  EXPECT_EQ(read_file(path("file")), read_file(path("second")));
  std::string bytes = read_file(path("file"));
  bytes[bytes.size() / 2] ^= 4;
  const std::string bad = write_file("damaged session", bytes);
  const Outcome refused = state({"import", bad, "bad"});
  EXPECT_TRUE(is_one_error_line(refused, 1));
  EXPECT_NE(refused.err.find(bad), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(state({"ls", "--json"}).out).size(), 3u);
}

TEST_F(State, VerifyNamesWhatIsDamaged) {
  EXPECT_EQ(state({"verify"}).out, "ok       long\nok       short\n");
  std::filesystem::resize_file(blob(), 1000);
  const Outcome damaged = state({"verify"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_NE(damaged.out.find("ok "), std::string::npos);
  EXPECT_NE(damaged.out.find("damaged "), std::string::npos);
  EXPECT_NE(damaged.err.find("1 of 2 are damaged"), std::string::npos);
}

TEST_F(State, RemovesAndCollects) {
  EXPECT_EQ(state({"rm", "long"}).code, 0);
  EXPECT_TRUE(is_one_error_line(state({"rm", "long"}), 1));
  std::filesystem::copy(blob(), folder_ + "/blobs/" + std::string(32, 'a') + ".state");
  EXPECT_EQ(state({"gc"}).out, "removed 1 files that nobody named\n");
  EXPECT_EQ(state({"gc", "--budget", "10"}).out,
            "removed 0 files that nobody named\nevicted short\n");
  EXPECT_EQ(nlohmann::json::parse(state({"ls", "--json"}).out).size(), 0u);
}

TEST_F(State, ADamagedCatalogueIsMendedByGc) {
  write_file(std::filesystem::path(folder_).filename().string() + "/catalogue.sqlite3", "damage");
  const Outcome refused = state({"ls"});
  EXPECT_TRUE(is_one_error_line(refused, 1));
  EXPECT_NE(refused.err.find("eddy state gc"), std::string::npos);
  EXPECT_NE(state({"gc"}).out.find("made the catalogue anew"), std::string::npos);
  EXPECT_EQ(state({"verify"}).out, "ok       long\nok       short\n");
}

TEST_F(State, WhereNoStoreIsNoneIsMade) {
  folder_ = path("absent");
  for (const Args& args : {Args{"ls"}, Args{"gc"}, Args{"verify"}, Args{"show", "x"}}) {
    EXPECT_TRUE(is_one_error_line(state(args), 1)) << args[0];
  }
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(State, ActionsAreCompleted) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string script = run_eddy({"completion", shell}).out;
    for (const char* word : {"verify", "plot", "out", "budget"}) {
      EXPECT_NE(script.find(word), std::string::npos) << shell << " " << word;
    }
  }
}

}  // namespace
}  // namespace eddy::cli_test

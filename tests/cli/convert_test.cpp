// eddy convert: a folder becomes a file that the program runs.
#include <gtest/gtest.h>

#include "cli/program.h"
#include "convert/support/built_checkpoint.h"
#include "make_model/temporary_model.h"

namespace eddy::cli_test {
namespace {

// A Mamba of one layer, d_inner 8, d_state 4, dt_rank 2.
std::string checkpoint_folder(test::BuiltCheckpoint& mamba) {
  const std::int64_t n_vocab = 288;
  mamba.config = {{"architectures", {"MambaForCausalLM"}}};
  mamba.add_random("backbone.embeddings.weight", {n_vocab, 32});
  mamba.add_random("backbone.norm_f.weight", {32});
  const std::string layer = "backbone.layers.0.";
  mamba.add_random(layer + "norm.weight", {32});
  mamba.add_random(layer + "mixer.in_proj.weight", {128, 32});
  mamba.add_random(layer + "mixer.conv1d.weight", {64, 1, 4});
  mamba.add_random(layer + "mixer.conv1d.bias", {64});
  mamba.add_random(layer + "mixer.x_proj.weight", {10, 64});
  mamba.add_random(layer + "mixer.dt_proj.weight", {64, 2});
  mamba.add_random(layer + "mixer.dt_proj.bias", {64});
  mamba.add_random(layer + "mixer.A_log", {64, 4});
  mamba.add_random(layer + "mixer.D", {64});
  mamba.add_random(layer + "mixer.out_proj.weight", {32, 64});
  const auto model = make_model::open_temporary(tiny_plan(), 1);
  EXPECT_TRUE(model.ok());
  mamba.files["tokenizer.json"] = test::tokenizer_json_of(*model).dump();
  return mamba.write();
}

TEST(Convert, MakesAFileThatRuns) {
  test::BuiltCheckpoint mamba;
  const std::string out = scratch_directory() + "/converted.gguf";
  const Outcome converted = run_eddy({"convert", checkpoint_folder(mamba), out, "--type", "Q8_0"});
  EXPECT_EQ(converted.code, 0) << converted.err;
  EXPECT_EQ(converted.out + converted.err, "");
  const Outcome answer = run_eddy({"run", out, "-p", "the", "-n", "4"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  const Outcome text = run_eddy({"tokenize", out, "-p", "\xC3\xA9 the\xFF"});
  EXPECT_EQ(run_eddy({"tokenize", out, "--decode"}, text.out).out, "\xC3\xA9 the\xFF");
}

TEST(Convert, ShowsItsProgressAtATerminal) {
  test::BuiltCheckpoint mamba;
  Terminal terminal({"convert", checkpoint_folder(mamba), scratch_directory() + "/t.gguf"});
  EXPECT_TRUE(terminal.shows("converting"));
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Convert, SaysInOneLineWhatIsMissing) {
  test::BuiltCheckpoint mamba;
  checkpoint_folder(mamba);
  mamba.tensors.erase("backbone.norm_f.weight");
  const std::string out = scratch_directory() + "/missing.gguf";
  const Outcome outcome = run_eddy({"convert", mamba.write(), out});
  EXPECT_TRUE(is_one_error_line(outcome, 1));
  EXPECT_NE(outcome.err.find("missing backbone.norm_f.weight"), std::string::npos) << outcome.err;
  EXPECT_EQ(run_eddy({"run", out, "-p", "x"}).code, 1) << "there is no file";
}

}  // namespace
}  // namespace eddy::cli_test

// eddy perplexity against the plain definition, over what eddy tokenize and eddy logits print.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

using Ids = std::vector<std::size_t>;

constexpr std::size_t kVocabSize = 288;
constexpr const char* kText = "The river turned, and the water in it stood still for an hour.\n";

std::string text_path() { return write_file("text.txt", kText); }

Ids text_ids() {
  std::istringstream in(run_eddy({"tokenize", model_path(), "--begin"}, kText).out);
  return {std::istream_iterator<std::size_t>(in), {}};
}

// The logits after each of these tokens, read from an empty state.
std::vector<float> logits_after(std::span<const std::size_t> ids) {
  std::string text;
  for (const std::size_t id : ids) text += std::to_string(id) + " ";
  const Args args = {"logits", model_path(), "--tokens", "-", "--out", "-"};
  const std::string bytes = run_eddy(args, text).out;
  EXPECT_EQ(bytes.size(), ids.size() * kVocabSize * sizeof(float));
  std::vector<float> numbers(bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

double negative_log_probability(std::span<const float> row, std::size_t id) {
  double sum = 0;
  for (const float x : row) sum += std::exp(static_cast<double>(x) - static_cast<double>(row[id]));
  return std::log(sum);
}

// Each token in the first window that holds it, unless it is the window's first.
std::vector<double> scores(std::size_t window, std::size_t stride) {
  const Ids ids = text_ids();
  std::vector<double> all;
  std::size_t n_seen = 0;
  for (std::size_t first = 0; n_seen < ids.size(); first += stride) {
    const std::size_t last = std::min(first + window, ids.size());
    const auto rows = logits_after(std::span(ids).subspan(first, last - first));
    for (std::size_t i = std::max(n_seen, first + 1); i < last; ++i) {
      const auto row = std::span(rows).subspan((i - 1 - first) * kVocabSize, kVocabSize);
      all.push_back(negative_log_probability(row, ids[i]));
    }
    n_seen = last;
  }
  return all;
}

void expect_close(const nlohmann::json& found, double expected) {
  EXPECT_NEAR(found.get<double>(), expected, 1e-9 * std::abs(expected));
}

void expect_scores(const std::vector<double>& expected, Args more) {
  Args args = {"perplexity", model_path(), text_path(), "--json"};
  args.insert(args.end(), more.begin(), more.end());
  const Outcome outcome = run_eddy(args);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto found = nlohmann::json::parse(outcome.out);
  const auto n = static_cast<double>(expected.size());
  double mean = 0, squares = 0;
  for (const double x : expected) mean += x / n;
  for (const double x : expected) squares += (x - mean) * (x - mean);
  EXPECT_EQ(found["n_scored"], expected.size());
  expect_close(found["mean_nll"], mean);
  expect_close(found["perplexity"], std::exp(mean));
  expect_close(found["error"], std::exp(mean) * std::sqrt(squares / (n - 1) / n));
}

TEST(Perplexity, OfTheWholeText) {
  const std::size_t n = text_ids().size();
  ASSERT_GT(n, 30U);
  const auto expected = scores(n, n);
  EXPECT_EQ(expected.size(), n - 1);
  expect_scores(expected, {});
  expect_scores(expected, {"--window", "0", "--ubatch", "3"});
  expect_scores(expected, {"--window", "1000000"});
}

TEST(Perplexity, OfWindowsThatFollowEachOther) {
  expect_scores(scores(7, 7), {"--window", "7"});
  expect_scores(scores(7, 7), {"--window", "7", "--stride", "7"});
}

TEST(Perplexity, OfWindowsThatOverlap) {
  expect_scores(scores(8, 3), {"--window", "8", "--stride", "3"});
  expect_scores(scores(2, 1), {"--window", "2", "--stride", "1"});
}

TEST(Perplexity, TheTextBeginsByTheHabitOfTheModel) {
  make_model::Plan plan = tiny_plan();
  for (make_model::Meta& meta : plan.metadata) {
    if (meta.key == "tokenizer.ggml.add_bos_token") meta.value = true;
  }
  const std::string path = write_plan("begins.gguf", plan);
  const Outcome outcome = run_eddy({"perplexity", path, "-", "--json"}, kText);
  // The first token of the text is scored too, after the one that begins it.
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["n_scored"], text_ids().size());
}

TEST(Perplexity, TheTextSaysTheSame) {
  const Outcome json = run_eddy({"perplexity", model_path(), text_path(), "--json"});
  const auto expected = nlohmann::json::parse(json.out);
  double perplexity = 0, error = 0;
  int n_scored = 0, n_read = 0;
  const Outcome text = run_eddy({"perplexity", model_path(), "-"}, kText);
  EXPECT_EQ(std::sscanf(text.out.c_str(), "perplexity %lf +/- %lf (%d tokens scored)\n%n",
                        &perplexity, &error, &n_scored, &n_read),
            3);
  EXPECT_EQ(static_cast<std::size_t>(n_read), text.out.size());
  EXPECT_NEAR(perplexity, expected["perplexity"].get<double>(), 5.1e-5);  // four decimals
  EXPECT_NEAR(error, expected["error"].get<double>(), 5.1e-5);
  EXPECT_EQ(n_scored, expected["n_scored"]);
}

TEST(Perplexity, WhatCannotBeScoredIsAnError) {
  const std::string text = text_path();
  for (const Args& wrong : {Args{"--window", "1"}, Args{"--window", "-1"}, Args{"--stride", "3"},
                            Args{"--window", "4", "--stride", "5"}, Args{"--stride", "-1"}}) {
    Args args = {"perplexity", model_path(), text};
    args.insert(args.end(), wrong.begin(), wrong.end());
    EXPECT_TRUE(is_one_error_line(run_eddy(args), 2)) << wrong[0] << " " << wrong[1];
  }
  for (const char* short_text : {"", "a"}) {
    EXPECT_TRUE(is_one_error_line(run_eddy({"perplexity", model_path(), "-"}, short_text), 1));
  }
}

}  // namespace
}  // namespace eddy::cli_test

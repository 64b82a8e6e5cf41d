#include "cli/generate_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

namespace eddy {
namespace {

// "ID=BIAS", BIAS a number or -inf.
void parse_bias(const std::string& text, SamplingParams& sampling) {
  const CLI::ValidationError error("--logit-bias", text + ", expected ID=BIAS, such as 17=-inf");
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw error;
  const char* middle = text.data() + equals;
  const char* end = text.data() + text.size();
  std::int32_t id = 0;
  float bias = 0;
  const auto id_read = std::from_chars(text.data(), middle, id);
  const auto bias_read = std::from_chars(middle + 1, end, bias);
  const bool is_read = id_read.ec == std::errc() && bias_read.ec == std::errc();
  if (!is_read || id_read.ptr != middle || bias_read.ptr != end) throw error;
  sampling.logit_bias.push_back({Token(id), bias});
}

void add_sampling_options(CLI::App& command, SamplingParams& sampling) {
  const auto add = [&command](const char* flag, auto& value, const char* help) {
    command.add_option(flag, value, help)->type_name("X")->group("Sampling");
  };
  add("--temp", sampling.temperature, "temperature, 0 .. 100; 0: always the most likely token");
  add("--top-k", sampling.top_k, "choose among the k most likely tokens; 0: all");
  add("--top-p", sampling.top_p, "choose among the fewest tokens that sum to p; 1: all");
  add("--min-p", sampling.min_p, "drop tokens below p times the most likely; 0: none");
  add("--repeat-penalty", sampling.repetition_penalty,
      "divide the logits of recent tokens; 1: off");
  add("--presence-penalty", sampling.presence_penalty, "subtract from recent tokens; 0: off");
  add("--frequency-penalty", sampling.frequency_penalty,
      "subtract from recent tokens for each time; 0: off");
  add("--repeat-last-n", sampling.penalty_last_n, "how many tokens are recent; -1: all");
  command.add_option("--seed", sampling.seed, "seed of the random numbers")
      ->type_name("X")
      ->check(CLI::NonNegativeNumber)
      ->group("Sampling");
  command
      .add_option_function<std::vector<std::string>>(
          "--logit-bias",
          [&sampling](const std::vector<std::string>& entries) {
            for (const std::string& entry : entries) parse_bias(entry, sampling);
          },
          "add BIAS to a token's logit, ID=-inf bans it; may be repeated")
      ->type_name("ID=BIAS")
      ->allow_extra_args(false)
      ->group("Sampling");
}

}  // namespace

void add_generate_options(CLI::App& command, GenerateParams& params) {
  command.add_option("-n,--max-tokens", params.max_tokens, "longest answer, in tokens")
      ->type_name("N");
  command
      .add_option("--speculate", params.speculation.max_draft,
                  "guess up to N tokens from the text so far and check them together: the same "
                  "answer, sooner where the text repeats itself")
      ->type_name("N")
      ->check(CLI::Range(0, 256));
  // One by one: as a list, CLI11 takes a single empty text for an empty list.
  command
      .add_option_function<std::string>(
          "--stop", [&params](const std::string& text) { params.stop.push_back(text); },
          "end the answer before this text; may be repeated")
      ->type_name("TEXT")
      ->trigger_on_parse();
  add_sampling_options(command, params.sampling);
}

}  // namespace eddy

// eddy tokenize: text to token ids, and back.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file_system.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/input.h"
#include "formats/gguf.h"
#include "text/tokenizer.h"

namespace eddy {
namespace {

struct TokenizeArguments {
  std::string path;
  std::string text;
  bool has_text = false;
  bool special = false;
  bool begin = false;
  bool show_text = false;
  bool decode = false;
};

Status decode(const GgufFile& file, const Tokenizer& tokenizer, std::string_view ids) {
  EDDY_TRY_ASSIGN(const auto texts,
                  file.get<std::vector<std::string_view>>("tokenizer.ggml.tokens"));
  EDDY_TRY_ASSIGN(const std::vector<Token> tokens, parse_tokens(ids, "ids"));
  std::string bytes;
  for (const Token token : tokens) {
    if (static_cast<std::size_t>(token.value) >= texts.size()) {
      return fail(ErrorCode::kInvalidArgument, "token {}, expected 0 .. {}", token.value,
                  texts.size() - 1);
    }
    bytes += tokenizer.bytes(token);
  }
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  return {};
}

// Each id and its bytes as a JSON string; bytes that are no UTF-8 by themselves are replaced.
void print_with_text(const Tokenizer& tokenizer, std::span<const Token> tokens) {
  for (const Token token : tokens) {
    const auto replace = nlohmann::json::error_handler_t::replace;
    fmt::print("{}\t{}\n", token.value,
               nlohmann::json(tokenizer.bytes(token)).dump(-1, ' ', false, replace));
  }
}

void print_ids(std::span<const Token> tokens) {
  const char* separator = "";
  for (const Token token : tokens) {
    fmt::print("{}{}", separator, token.value);
    separator = " ";
  }
  fmt::print("\n");
}

Result<ExitCode> run_tokenize(const TokenizeArguments& options) {
  EDDY_TRY_ASSIGN(const GgufFile file, GgufFile::open(posix_file_system(), options.path));
  EDDY_TRY_ASSIGN(const auto tokenizer, load_tokenizer(file));
  std::string text = options.text;
  if (!options.has_text) {
    EDDY_TRY_ASSIGN(text, read_all("-"));
  }
  if (options.decode) {
    EDDY_TRY(decode(file, *tokenizer, text));
    return ExitCode::kOk;
  }
  const auto tokens = tokenizer->encode(text, options.begin, options.special);
  if (options.show_text) {
    print_with_text(*tokenizer, tokens);
  } else {
    print_ids(tokens);
  }
  return ExitCode::kOk;
}

}  // namespace

Command add_tokenize(CLI::App& program) {
  CLI::App* app = program.add_subcommand("tokenize", "Turn a text into token ids, or back");
  const auto options = std::make_shared<TokenizeArguments>();
  app->add_option("MODEL", options->path, "GGUF file; of a split model its first part")
      ->required()
      ->type_name("");
  const CLI::Option* text =
      app->add_option("-p,--prompt", options->text, "the text; without it, standard input")
          ->type_name("TEXT");
  app->add_flag("--special", options->special, "special tokens may be written in the text");
  app->add_flag("--begin", options->begin,
                "first the tokens that begin a text by the model's habit");
  CLI::Option* show = app->add_flag("--text", options->show_text, "show each token's text");
  app->add_flag("--decode", options->decode, "turn ids into text")->excludes(show);
  app->footer(
      "Example:\n"
      "  eddy tokenize model.gguf -p \"a text\"\n"
      "  eddy tokenize model.gguf < story.txt | eddy tokenize model.gguf --decode");
  return {.app = app, .run = [options, text] {
            options->has_text = text->count() > 0;
            return run_tokenize(*options);
          }};
}

}  // namespace eddy

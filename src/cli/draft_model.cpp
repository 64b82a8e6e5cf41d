#include "cli/draft_model.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::int32_t kDraftTokens = 8;

}  // namespace

void add_draft_option(CLI::App& command, std::string& path) {
  command
      .add_option("--draft", path,
                  fmt::format("GGUF file of a small model with the same vocabulary, which guesses, "
                              "{} tokens at a time without --speculate: the same answer, sooner "
                              "where it guesses well",
                              kDraftTokens))
      ->type_name("MODEL");
}

void set_draft_length(const std::string& path, SpeculationParams& guesses) {
  if (!path.empty() && guesses.max_draft == 0) guesses.max_draft = kDraftTokens;
}

Result<std::optional<Engine>> open_draft(const std::string& path, const ModelOptions& options,
                                         const Engine& large) {
  if (path.empty()) return std::optional<Engine>();
  ModelOptions model = {.path = path, .engine = options.engine};
  model.engine.prefix_cache_bytes = 0;
  model.engine.park_folder.clear();  // has room for one engine
  EDDY_TRY_ASSIGN(Engine engine, open_engine(model));
  if (engine.info().n_vocab != large.info().n_vocab) {
    return fail(ErrorCode::kMismatch, "{}: a vocabulary of {} tokens, expected {} as in {}", path,
                engine.info().n_vocab, large.info().n_vocab, options.path);
  }
  return std::optional<Engine>(std::move(engine));
}

}  // namespace eddy

#include "cli/demo.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/try.h"
#include "cli/input.h"

namespace eddy {
namespace {

const GenerateParams kOneLine = {.max_tokens = 64, .stop = {"\n"}};

std::string demo_path(std::string path) {
  constexpr std::string_view kEnding = ".gguf";
  if (path.ends_with(kEnding)) path.resize(path.size() - kEnding.size());
  return path + "_demo.json";
}

Result<nlohmann::json> read_demo(const std::string& path) {
  EDDY_TRY_ASSIGN(const std::string text, read_all(path));
  nlohmann::json demo = nlohmann::json::parse(text, nullptr, false);
  const auto is_list_of = [&](const char* list, std::initializer_list<const char*> keys) {
    if (!demo.contains(list) || !demo[list].is_array()) return false;
    for (const auto& row : demo[list]) {
      for (const char* key : keys) {
        if (!row.contains(key) || !row[key].is_string()) return false;
      }
    }
    return true;
  };
  const bool is_whole = demo.is_object() && demo.contains("tale") && demo["tale"].is_string() &&
                        is_list_of("questions", {"question"}) &&
                        is_list_of("forks", {"told", "question"});
  if (is_whole) return demo;
  return fail(ErrorCode::kMalformed, "{}: expected an object of tale, questions and forks", path);
}

// Asks in a fork, so that the session itself never hears the question.
Status ask(const Session& session, const std::string& told, const std::string& question) {
  EDDY_TRY_ASSIGN(Session fork, session.fork());
  EDDY_TRY(fork.feed(told + question));
  fmt::print("{}> {}", told.empty() ? "" : "fork: " + told, question);
  std::fflush(stdout);
  EDDY_TRY_ASSIGN(const Completion answer, fork.generate(kOneLine));
  fmt::print("\n{}\n", answer.text);
  return {};
}

}  // namespace

Status show_demo(Engine& engine, const std::string& model_path) {
  EDDY_TRY_ASSIGN(const nlohmann::json demo, read_demo(demo_path(model_path)));
  EDDY_TRY_ASSIGN(Session session, engine.new_session());
  const auto tale = demo["tale"].get<std::string>();
  fmt::print("A tale is read once ({} tokens):\n\n{}\n",
             engine.tokenize(tale, {.begin = true}).size(), tale);
  EDDY_TRY(session.feed(tale));
  fmt::print("Each question is asked in a fork of that state:\n\n");
  for (const auto& row : demo["questions"]) EDDY_TRY(ask(session, "", row["question"]));
  fmt::print("\nForks that are told different things go different ways:\n\n");
  for (const auto& row : demo["forks"]) EDDY_TRY(ask(session, row["told"], row["question"]));
  return {};
}

}  // namespace eddy

// One answer on its way: next token, its text, stop strings, until there is a reason to stop.
//
// Threading: the engine's thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eddy/engine.h"
#include "engine/drafter.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "engine/stop_filter.h"

namespace eddy {

class Answer {
 public:
  // Both are borrowed. kInvalidArgument: params outside their ranges, or an empty session.
  static Result<Answer> create(const GenerateParams& params, Session::Impl& session,
                               const Session::OnText& on_text);

  Result<Completion> run();

 private:
  Answer(const GenerateParams& params, Session::Impl& session, const Session::OnText& on_text,
         Sampler sampler);

  Result<StopReason> grow();
  Status make_draft();
  std::optional<StopReason> add(std::span<const Token> tokens);
  std::optional<StopReason> add(Token token);
  void add_end(StopReason reason);
  bool show(std::string_view text);

  const GenerateParams& params_;
  Session::Impl& session_;
  const Session::OnText& on_text_;
  Sampler sampler_;
  StopFilter filter_;
  std::unique_ptr<Drafter> drafter_;  // none: no speculation
  DraftLength draft_length_;
  std::vector<Token> draft_, chosen_;
  std::int64_t n_tokens_ = 0, n_drafted_ = 0, n_accepted_ = 0;
};

}  // namespace eddy

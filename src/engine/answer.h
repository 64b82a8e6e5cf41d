// One answer on its way: next token, its text, stop strings, until there is a reason to stop. Who
// runs the steps is engine/answers.h. While it lives the session's calls are refused.
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
#include "engine/step.h"
#include "engine/stop_filter.h"

namespace eddy {

class Answer {
 public:
  // All are borrowed. kInvalidArgument: params outside their ranges, an empty session, or one that
  // is at work.
  static Result<std::unique_ptr<Answer>> create(const GenerateParams& params,
                                                Session::Impl& session,
                                                const Session::OnText& on_text);

  ~Answer();
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  // The next step, of at most n_tokens_max tokens, to be run and then taken by take_step();
  // nullptr: the answer has ended. guess_cost: see DraftLength::next().
  Step* next_step(std::size_t n_tokens_max, double guess_cost);

  // Appends what the step has chosen, and shows its text. Whether the answer goes on.
  bool take_step();

  // What came of it, when it has ended.
  Result<Completion> result();

 private:
  Answer(const GenerateParams& params, Session::Impl& session, const Session::OnText& on_text,
         Sampler sampler);

  Status make_draft(std::size_t n_tokens_max, double guess_cost);
  bool end(Result<StopReason> reason);
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
  std::optional<Step> step_;
  bool is_taken_ = true;                      // what the last step has chosen
  std::optional<Result<StopReason>> reason_;  // it has ended
  std::int64_t n_tokens_ = 0, n_drafted_ = 0, n_accepted_ = 0;
};

}  // namespace eddy

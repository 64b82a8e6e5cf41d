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

  // Begins a step of at most n_tokens_max tokens. Where another model is to guess some of them:
  // its request, to be answered before next_step(). guess_cost: see DraftLength::next().
  GenerateRequest* begin_step(std::size_t n_tokens_max, double guess_cost);

  // That step, to be run and then taken by take_step(); nullptr: the answer has ended.
  Step* next_step();

  // Appends what the step has chosen, and shows its text. Whether the answer goes on.
  bool take_step();

  // What came of it, when it has ended.
  Result<Completion> result();

 private:
  Answer(const GenerateParams& params, Session::Impl& session, const Session::OnText& on_text,
         Sampler sampler);

  std::size_t n_guesses(std::size_t n_tokens_max, double guess_cost);
  Status take_draft();
  Status take_models_draft();
  bool end(Result<StopReason> reason);
  bool end_with(const Error& error);
  std::optional<StopReason> add(std::span<const Token> tokens);
  std::optional<StopReason> add(Token token);
  void add_end(StopReason reason);
  bool show(std::string_view text);

  const GenerateParams& params_;
  Session::Impl& session_;
  const Session::OnText& on_text_;
  Sampler sampler_;
  StopFilter filter_;
  std::optional<ModelDrafter> model_drafter_;  // who guesses; none of both: nobody
  std::optional<NgramDrafter> ngram_drafter_;
  DraftLength draft_length_;
  Result<GenerateRequest*> asked_ = nullptr;  // for the draft of this step
  Status drafts_ = {};                        // of the model; after a failure it guesses no more
  std::vector<Token> draft_, chosen_;
  std::optional<Step> step_;
  bool is_taken_ = true;                      // what the last step has chosen
  std::optional<Result<StopReason>> reason_;  // it has ended
  std::int64_t n_tokens_ = 0, n_drafted_ = 0, n_accepted_ = 0;
};

}  // namespace eddy

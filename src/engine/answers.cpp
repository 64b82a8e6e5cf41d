#include "engine/answers.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/answer.h"
#include "engine/core.h"

namespace eddy {
namespace {

// An answer that guesses is rewound again and again: from an older state, in a cell of its own.
std::size_t n_cells_for(const GenerateRequest& request) {
  return request.params.speculation.max_draft > 0 ? 3 : 1;
}

// The answers under way. As many are computed together as there are cells for; when one ends the
// next request takes its place.
class Answers {
 public:
  Answers(Engine::Core& core, std::span<GenerateRequest* const> requests)
      : core_(core), waiting_(requests), n_cells_left_(core.info.mem_size) {}

  void run() {
    for (fill(); !active_.empty(); fill()) {
      step();
      take_results();
    }
  }

 private:
  struct Active {
    GenerateRequest* request;
    std::unique_ptr<Answer> answer;
    std::size_t n_cells;
    Step* step = nullptr;  // nullptr: it has ended
  };

  void fill() {
    while (!waiting_.empty() && active_.size() < core_.runner->n_batch()) {
      GenerateRequest& request = *waiting_.front();
      const std::size_t n_cells = n_cells_for(request);
      if (!active_.empty() && n_cells > n_cells_left_) return;
      waiting_ = waiting_.subspan(1);
      auto answer = begin(request);
      if (!answer) {
        end(request, answer.error());
        continue;
      }
      active_.push_back({&request, std::move(*answer), std::min(n_cells, n_cells_left_)});
      n_cells_left_ -= active_.back().n_cells;
    }
  }

  Result<std::unique_ptr<Answer>> begin(GenerateRequest& request) const {
    if (!request.session || request.session->impl()->core.get() != &core_) {
      return fail(ErrorCode::kInvalidArgument, "the session is {}",
                  request.session ? "another engine's" : "missing");
    }
    EDDY_TRY(request.session->feed(request.prompt));
    return Answer::create(request.params, *request.session->impl(), request.on_text);
  }

  void step() {
    const std::size_t n_tokens =
        std::min(std::size_t{core_.runner->n_ubatch()}, core_.runner->n_batch() / active_.size());
    const double guess_cost = cost_.of_a_guess(active_.size());
    drafts_.clear();
    for (Active& active : active_) {
      GenerateRequest* draft = active.answer->begin_step(n_tokens, guess_cost);
      if (draft) drafts_.push_back(draft);
    }
    make_drafts();
    steps_.clear();
    std::size_t n_all = 0;
    for (Active& active : active_) {
      active.step = active.answer->next_step();
      if (!active.step) continue;
      steps_.push_back(active.step);
      n_all += active.step->n_tokens();
    }
    if (!steps_.empty()) run_timed(n_all);
    for (Active& active : active_) {
      if (active.step && !active.answer->take_step()) active.step = nullptr;
    }
  }

  // Those of one engine together.
  void make_drafts() {
    const auto core_of = [](const GenerateRequest* r) { return r->session->impl()->core; };
    std::span<GenerateRequest*> rest = drafts_;
    while (!rest.empty()) {
      const auto core = core_of(rest.front());
      const auto others = std::stable_partition(
          rest.begin(), rest.end(), [&](const GenerateRequest* r) { return core_of(r) == core; });
      const auto n = static_cast<std::size_t>(others - rest.begin());
      // Where memory ends the requests say so, and nobody guesses for those who asked.
      static_cast<void>(guarded([&]() -> Status {
        generate_together(core, rest.first(n));
        return {};
      }));
      rest = rest.subspan(n);
    }
  }

  void run_timed(std::size_t n_tokens) {
    const auto start = std::chrono::steady_clock::now();
    run_steps(steps_);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    cost_.note(n_tokens, took.count());
  }

  void take_results() {
    const auto ended = std::stable_partition(active_.begin(), active_.end(),
                                             [](const Active& a) { return a.step != nullptr; });
    std::vector<Active> done(std::make_move_iterator(ended),
                             std::make_move_iterator(active_.end()));
    active_.erase(ended, active_.end());
    for (Active& active : done) {
      n_cells_left_ += active.n_cells;
      auto result = active.answer->result();
      active.answer.reset();  // the session is free again
      end(*active.request, std::move(result));
    }
  }

  static void end(GenerateRequest& request, Result<Completion> result) {
    request.result = std::move(result);
    if (request.on_end) request.on_end(request);
  }

  Engine::Core& core_;
  std::span<GenerateRequest* const> waiting_;
  std::size_t n_cells_left_;
  std::vector<Active> active_;
  std::vector<GenerateRequest*> drafts_;  // that the next step waits for
  std::vector<Step*> steps_;              // of the step that is run
  StepCost cost_;
};

}  // namespace

void generate_together(const std::shared_ptr<Engine::Core>& core,
                       std::span<GenerateRequest* const> requests) {
  for (GenerateRequest* request : requests) {
    request->result = out_of_memory();
  }
  const std::shared_ptr<Engine::Core> kept = core;  // a callback may end the engine
  Answers(*kept, requests).run();
}

}  // namespace eddy

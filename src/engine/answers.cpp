#include "engine/answers.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "engine/answer.h"
#include "engine/core.h"

namespace eddy {
namespace {

// The answers on their way. As many are computed together as there are cells for; when one ends the
// next request takes its place.
class Answers {
 public:
  Answers(Engine::Core& core, std::span<GenerateRequest> requests)
      : core_(core),
        waiting_(requests),
        n_most_(std::min({requests.size(), std::size_t{core.info.mem_size},
                          std::size_t{core.runner->n_batch()}})) {
    active_.reserve(n_most_);
  }

  void run() {
    for (fill(); !active_.empty(); fill()) step();
  }

 private:
  struct Active {
    GenerateRequest* request;
    std::unique_ptr<Answer> answer;
    Step* step = nullptr;
  };

  void fill() {
    while (active_.size() < n_most_ && !waiting_.empty()) {
      begin(waiting_.front());
      waiting_ = waiting_.subspan(1);
    }
  }

  void begin(GenerateRequest& request) {
    if (!request.session || request.session->impl()->core.get() != &core_) {
      request.result = fail(ErrorCode::kInvalidArgument, "the session is {}",
                            request.session ? "another engine's" : "missing");
      return;
    }
    auto answer = Answer::create(request.params, *request.session->impl(), request.on_text);
    if (!answer) {
      request.result = answer.error();
      return;
    }
    active_.push_back({&request, std::move(*answer)});
  }

  void step() {
    const std::size_t n_tokens =
        std::min(std::size_t{core_.runner->n_ubatch()}, core_.runner->n_batch() / active_.size());
    steps_.clear();
    for (Active& active : active_) {
      active.step = active.answer->next_step(n_tokens);
      if (active.step) steps_.push_back(active.step);
    }
    if (!steps_.empty()) run_steps(steps_);
    std::erase_if(active_, [](Active& active) {
      if (active.step && active.answer->take_step()) return false;
      active.request->result = active.answer->result();
      return true;
    });
  }

  Engine::Core& core_;
  std::span<GenerateRequest> waiting_;
  std::size_t n_most_;
  std::vector<Active> active_;
  std::vector<Step*> steps_;
};

}  // namespace

void generate_together(const std::shared_ptr<Engine::Core>& core,
                       std::span<GenerateRequest> requests) {
  for (GenerateRequest& request : requests) {
    request.result = Error{ErrorCode::kOutOfMemory, "out of memory"};
  }
  const std::shared_ptr<Engine::Core> kept = core;  // a callback may end the engine
  Answers(*kept, requests).run();
}

}  // namespace eddy

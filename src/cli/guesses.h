// How the guesses of answers fared, for --stats.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>

#include "eddy/engine.h"

namespace eddy {

class Guesses {
 public:
  void add(const Completion& done) {
    n_drafted_ += done.n_drafted;
    n_accepted_ += done.n_accepted;
    if (!done.drafts) failed_ = done.drafts;
  }

  // To stderr; nothing where nobody guessed.
  void print() const {
    if (n_drafted_ > 0) {
      fmt::print(stderr, "guessed: {} tokens, {} of them rightly\n", n_drafted_, n_accepted_);
    }
    if (!failed_) fmt::print(stderr, "the draft model ended: {}\n", failed_.error().message);
  }

 private:
  std::int64_t n_drafted_ = 0, n_accepted_ = 0;
  Status failed_ = {};  // of the newest that did
};

}  // namespace eddy

// Memory for the activations of one micro-batch: an arena with a fixed size and a bump pointer.
//
//   Scratch::Scope layer(pass.scratch);           // what follows is given back with the scope
//   Mat y = pass.scratch.mat(d_inner, n_tokens);  // {d_inner, n_tokens}, not initialised
//
// The size is found by running the model's forward pass once on the worst micro-batch with ops that
// compute nothing, so no formula can get out of step with the code, and nothing is allocated later.
// On the same pass the ops reserve the room that they need for themselves (Ops::reserve).
//
// I1  Every matrix starts on a multiple of 64 bytes, and so does every token in it.
// I2  Scopes end in the reverse order of their beginning.
//
// Threading: one forward pass at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "eddy/result.h"
#include "tensor/tensor.h"

namespace eddy {

class Model;
class Ops;
class RecurrentContext;

class Scratch {
 public:
  // Room for any micro-batch with no more tokens, outputs and lanes than `worst`
  // (RecurrentMemory::init_full), here and in the ops. kOutOfMemory.
  static Result<Scratch> create(const Model& model, Ops& ops, const RecurrentContext& worst);

  // For a pass with ops that compute nothing: its matrices have no address.
  static Scratch planning() { return {}; }

  // {n, n_tokens}, not initialised, until the scope ends in which it was taken. Asking for more
  // than was planned is our own mistake and aborts.
  Mat mat(std::int64_t n, std::int64_t n_tokens);

  std::uint64_t n_bytes() const { return capacity_ * sizeof(float); }

  // Gives back, at its end, what was taken since its beginning.
  class Scope {
   public:
    explicit Scope(Scratch& scratch) : scratch_(scratch), used_(scratch.used_) {}
    ~Scope() { scratch_.used_ = used_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Scratch& scratch_;
    std::uint64_t used_;
  };

 private:
  Scratch() = default;

  std::unique_ptr<Buffer> buffer_;  // none: planning, matrices have no address
  std::uint64_t capacity_ = 0;      // floats
  std::uint64_t used_ = 0;          // floats
  std::uint64_t most_used_ = 0;     // floats
};

}  // namespace eddy

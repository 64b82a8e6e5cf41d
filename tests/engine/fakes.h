// A model, ops and a tokenizer that are small enough to be obviously right, for tests of what runs
// them: the state is a number that depends on every token in order, the logits are a hash of it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eddy/engine.h"
#include "engine/core.h"

namespace eddy::fakes {

inline constexpr std::int32_t kVocab = 300;
inline constexpr Token kEnd{256};       // ends an answer
inline constexpr Token kBegin{257};     // begins a text
inline constexpr Token kPoison{258};    // makes the logits NaN, from here on
inline constexpr Token kMidPiece{259};  // "P" and the first byte of a code point of three

// What the fake model's state is after these tokens, and its logits: the obvious way.
float state_after(std::span<const Token> tokens);
std::vector<float> logits_of(float state);

// Bends the fake model while it runs. Shared with the test.
struct Script {
  int n_forward = 0;                        // micro-batches computed so far
  std::int64_t n_tokens = 0;                // tokens computed so far
  std::int64_t n_logits = 0;                // outputs computed so far
  int fail_at = -1;                         // this micro-batch writes rubbish and fails
  std::function<void(int)> before_forward;  // told the number of the micro-batch
  std::function<Token(Token last)> answer;  // if set: the token that follows, beyond doubt
};

// A byte a token, and the tokens above.
EngineParts make_parts(std::shared_ptr<Script> script);

struct FakeEngine {
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::shared_ptr<Engine::Core> core;
  std::unique_ptr<Engine> engine;

  explicit FakeEngine(const EngineOptions& options = {});
  Session session();
};

std::vector<Token> tokens_of(std::string_view text);

}  // namespace eddy::fakes

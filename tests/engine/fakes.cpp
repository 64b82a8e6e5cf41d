#include "engine/fakes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace eddy::fakes {
namespace {

constexpr std::uint64_t kElems = 16;
constexpr float kModulus = 65521;  // a prime; sums and products below stay exact in F32

float next_state(float state, Token token) {
  if (token == kPoison || std::isnan(state)) return std::numeric_limits<float>::quiet_NaN();
  return std::fmod(state * 31 + static_cast<float>(token.value) + 1, kModulus);
}

class FakeDevice final : public Device {
 public:
  std::string_view name() const override { return "fake"; }
  const BufferType& buffer_type() const override { return host_buffer_type(); }
};

class FakeOps final : public Ops {
 public:
  const Device& device() const override { return device_; }
  bool can_multiply(DType) const override { return true; }
#define EDDY_DO_NOTHING(op, Args) \
  Status op(const Args&) override { return {}; }
  EDDY_OPS(EDDY_DO_NOTHING)
#undef EDDY_DO_NOTHING

 private:
  FakeDevice device_;
};

float read_row(const StateRows& rows, std::int32_t row) {
  if (row == kZeroRow) return 0;
  float first = 0;
  std::memcpy(&first, rows.host_row(row), sizeof(first));
  return first;
}

void write_row(const StateRows& rows, std::int32_t row, float value) {
  const std::vector<float> elems(kElems, value);
  std::memcpy(rows.host_row(row), elems.data(), kElems * sizeof(float));
}

class FakeModel final : public Model {
 public:
  explicit FakeModel(std::shared_ptr<Script> script)
      : Model({.architecture = "fake", .name = "", .n_layer = 1, .n_embd = 1, .n_vocab = kVocab},
              {}),
        script_(std::move(script)) {
    layout_.layers = {{.r_elems = kElems, .s_elems = kElems}};
  }

  Status forward(const Forward& pass) const override {
    if (pass.context.status() == ContextStatus::kPlanOnly) return {};
    const int number = script_->n_forward++;
    if (script_->before_forward) script_->before_forward(number);
    std::int64_t row = 0;
    for (const Lane& lane : pass.context.lanes()) row = run_lane(pass, lane, row);
    if (number != script_->fail_at) return {};
    for (const Lane& lane : pass.context.lanes()) {
      write_row(pass.context.get_r_l(LayerId(0)), lane.dst, -1);
    }
    return fail(ErrorCode::kIo, "an injected failure");
  }

 private:
  std::int64_t run_lane(const Forward& pass, const Lane& lane, std::int64_t row) const {
    const UBatch& ubatch = pass.context.ubatch();
    const StateRows r = pass.context.get_r_l(LayerId(0));
    float state = read_row(r, lane.src);
    const float in_s = read_row(pass.context.get_s_l(LayerId(0)), lane.src);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(state), std::bit_cast<std::uint32_t>(in_s));
    for (std::int32_t i = lane.first_token; i < lane.first_token + lane.n_tokens; ++i) {
      const Token token = ubatch.tokens[static_cast<std::size_t>(i)];
      state = next_state(state, token);
      ++script_->n_tokens;
      if (row >= pass.logits.n_tokens || ubatch.outputs[static_cast<std::size_t>(row)] != i) {
        continue;
      }
      ++script_->n_logits;
      const auto logits = script_->answer ? certain(script_->answer(token)) : logits_of(state);
      std::copy(logits.begin(), logits.end(), pass.logits.token(row++));
    }
    write_row(r, lane.dst, state);
    write_row(pass.context.get_s_l(LayerId(0)), lane.dst, state);
    return row;
  }

  static std::vector<float> certain(Token token) {
    std::vector<float> logits(kVocab, 0);
    logits[static_cast<std::size_t>(token.value)] = 100;
    return logits;
  }

  std::shared_ptr<Script> script_;
};

class FakeTokenizer final : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text, bool begin, bool) const override {
    std::vector<Token> tokens;
    if (begin) tokens.push_back(kBegin);
    for (const Token token : tokens_of(text)) tokens.push_back(token);
    return tokens;
  }
  std::string bytes(Token token) const override {
    if (token == kMidPiece) return "P\xE2";
    return token.value < 256 ? std::string(1, static_cast<char>(token.value)) : std::string();
  }
  bool is_end(Token token) const override { return token == kEnd; }
};

}  // namespace

float state_after(std::span<const Token> tokens) {
  float state = 0;
  for (const Token token : tokens) state = next_state(state, token);
  return state;
}

std::vector<float> logits_of(float state) {
  std::vector<float> logits(kVocab);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto k = static_cast<float>(i);
    const float mixed = std::fmod(state * (k + 7) + k, 997.0F);
    logits[i] = mixed / 100;
  }
  // Answers go on until a test says otherwise, in letters.
  for (std::size_t i = 128; i < logits.size(); ++i) logits[i] -= 20;
  return logits;
}

EngineParts make_parts(std::shared_ptr<Script> script) {
  return {.file = nullptr,
          .ops = std::make_unique<FakeOps>(),
          .model = std::make_unique<FakeModel>(std::move(script)),
          .tokenizer = std::make_unique<FakeTokenizer>()};
}

FakeEngine::FakeEngine(const EngineOptions& options) {
  auto made = Engine::Core::create(make_parts(script), options);
  EXPECT_TRUE(made.ok()) << made.error().message;
  core = *made;
  engine = std::make_unique<Engine>(core);
}

Session FakeEngine::session() {
  auto made = engine->new_session();
  EXPECT_TRUE(made.ok()) << made.error().message;
  return std::move(*made);
}

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (const char c : text) tokens.push_back(Token(static_cast<unsigned char>(c)));
  return tokens;
}

}  // namespace eddy::fakes

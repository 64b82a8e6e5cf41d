// A file's own words reach a terminal as printable text only: an escape sequence in the name of a
// tensor was sent on as it was.
#include <gtest/gtest.h>

#include <algorithm>

#include "cpu/cpu_ops.h"
#include "make_model/architectures.h"
#include "make_model/temporary_model.h"
#include "models/model.h"

namespace eddy {
namespace {

// The message of the error that loading a model gives.
std::string message_of(const make_model::Plan& plan) {
  const auto file = make_model::open_temporary(plan, 1);
  EXPECT_TRUE(file.ok()) << file.error().message;
  const auto ops = make_cpu_ops({.n_threads = 1});
  EXPECT_TRUE(ops.ok());
  const auto model = load_model(*file, **ops);
  return model.ok() ? std::string() : model.error().message;
}

TEST(NamesInMessages, OfTensorsArePrintable) {
  for (const auto& architecture : make_model::architectures()) {
    make_model::Plan plan = *architecture.plan("tiny", DType::kF32);
    plan.tensors.push_back(plan.tensors.front());
    plan.tensors.back().name = "\x1b[2J\nevil";
    const std::string message = message_of(plan);
    EXPECT_NE(message.find("\\x1b[2J\\x0aevil: not part of"), std::string::npos) << message;
    EXPECT_TRUE(std::ranges::all_of(message, [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

TEST(NamesInMessages, OfArchitecturesArePrintable) {
  make_model::Plan plan = *make_model::architectures().front().plan("tiny", DType::kF32);
  std::ranges::find(plan.metadata, "general.architecture", &make_model::Meta::key)->value =
      std::string("\x1b[2Jmamba");
  const std::string message = message_of(plan);
  EXPECT_NE(message.find("\\x1b[2Jmamba"), std::string::npos) << message;
}

}  // namespace
}  // namespace eddy

// make_model ARCH SHAPE TYPE OUT [--seed N]: writes a random model, with a working tokenizer.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "make_model/architectures.h"
#include "make_model/write_model.h"
#include "tensor/encode.h"

namespace {

using namespace eddy;

std::string types_text() {
  std::string text;
  for (const DTypeInfo& info : dtype_table()) {
    if (can_encode(info.type)) text += (text.empty() ? "" : " ") + std::string(info.name);
  }
  return text;
}

std::string shapes_text() {
  std::string text = "Architectures and shapes:\n";
  for (const auto& architecture : make_model::architectures()) {
    text += fmt::format("  {}: {}\n", architecture.name, fmt::join(architecture.shapes(), " "));
  }
  return text + fmt::format("Types: {}\n", types_text());
}

Result<make_model::Plan> plan_of(const std::string& arch, const std::string& shape,
                                 const std::string& type) {
  const auto* architecture = make_model::find_architecture(arch);
  if (!architecture) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("no architecture \"{}\"", arch)};
  }
  const std::optional<DType> dtype = dtype_from_name(type);
  if (!dtype || !can_encode(*dtype)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("type \"{}\", expected one of {}", type, types_text())};
  }
  std::optional<make_model::Plan> plan = architecture->plan(shape, *dtype);
  if (!plan)
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} has no shape \"{}\"", arch, shape)};
  return *std::move(plan);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a model with random weights.");
  std::string arch, shape, type, path;
  std::uint64_t seed = 1;
  app.add_option("ARCH", arch)->required();
  app.add_option("SHAPE", shape)->required();
  app.add_option("TYPE", type)->required();
  app.add_option("OUT", path, "the GGUF file to write")->required();
  app.add_option("--seed", seed, "another seed, another model")->capture_default_str();
  app.footer(shapes_text());
  CLI11_PARSE(app, argc, argv);

  const auto plan = plan_of(arch, shape, type);
  const Status status = plan.ok() ? make_model::write_model(*plan, seed, path) : plan.error();
  if (status.ok()) return 0;
  fmt::print(stderr, "make_model: {}\n", status.error().message);
  return 1;
}

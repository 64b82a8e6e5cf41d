// eddy inspect: what a model file holds, and the bytes of state that a sequence needs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "base/try.h"
#include "cli/command.h"
#include "cpu/cpu_ops.h"
#include "formats/gguf.h"
#include "models/model.h"

namespace eddy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kListed = 8;     // elements of an array that are shown
constexpr std::size_t kTextBytes = 200;  // of a value that are shown
constexpr std::uint64_t kF32Bytes = 4;

struct InspectArguments {
  std::string path;
  bool json = false;
};

// File bytes as text that JSON can hold: what is no UTF-8 is replaced.
Json json_text(std::string_view text) {
  const auto replace = Json::error_handler_t::replace;
  return Json::parse(Json(text).dump(-1, ' ', false, replace));
}

Json json_value(const GgufValue& value);

template <class T>
Json json_elements(const GgufValue& value) {
  Json elements = Json::array();
  const auto all = gguf_value_as<std::vector<T>>(value);
  if (!all) return elements;
  for (std::size_t i = 0; i < std::min<std::size_t>(all->size(), kListed); ++i) {
    elements.push_back(json_value(GgufValue((*all)[i])));
  }
  return elements;
}

// A bool is one byte.
Json json_bools(const GgufArray& array) {
  Json elements = Json::array();
  for (const std::byte b : array.bytes.first(std::min(array.size, kListed))) {
    elements.push_back(b != std::byte{0});
  }
  return elements;
}

Json json_first(const GgufValue& value, const GgufArray& array) {
  switch (array.type) {
    case GgufType::kString: return json_elements<std::string_view>(value);
    case GgufType::kF32: return json_elements<float>(value);
    case GgufType::kF64: return json_elements<double>(value);
    case GgufType::kU64: return json_elements<std::uint64_t>(value);
    case GgufType::kBool: return json_bools(array);
    default: return json_elements<std::int64_t>(value);
  }
}

Json json_array(const GgufValue& value, const GgufArray& array) {
  return {
      {"type", gguf_type_text(value)}, {"size", array.size}, {"first", json_first(value, array)}};
}

// In the fewest digits, 1e-05; infinity and NaN, which JSON does not have, as text.
template <class T>
Json json_number(T number) {
  const std::string text = fmt::format("{}", number);
  return std::isfinite(number) ? Json::parse(text) : Json(text);
}

Json json_value(const GgufValue& value) {
  return std::visit(
      [&]<class T>(const T& v) -> Json {
        if constexpr (std::is_same_v<T, GgufArray>) {
          return json_array(value, v);
        } else if constexpr (std::is_same_v<T, std::string_view>) {
          return json_text(v);
        } else if constexpr (std::is_floating_point_v<T>) {
          return json_number(v);
        } else {
          return v;
        }
      },
      value);
}

struct TypeCount {
  std::uint64_t n_tensors = 0;
  std::uint64_t n_elements = 0;
  std::uint64_t n_bytes = 0;
};

std::map<std::string, TypeCount> count_types(const GgufFile& file) {
  std::map<std::string, TypeCount> counts;
  for (const GgufTensor& tensor : file.tensors()) {
    TypeCount& count = counts[std::string(dtype_name(tensor.type))];
    ++count.n_tensors;
    count.n_bytes += tensor.data.size();
    std::uint64_t n = 1;
    for (const std::int64_t extent : tensor.ne) n *= static_cast<std::uint64_t>(extent);
    count.n_elements += n;
  }
  return counts;
}

// Layers first .. last with states of the same size.
struct LayerRun {
  std::size_t first = 0, last = 0;
  StateLayout::Layer state;
};

std::vector<LayerRun> layer_runs(const StateLayout& layout) {
  std::vector<LayerRun> runs;
  for (std::size_t i = 0; i < layout.layers.size(); ++i) {
    const StateLayout::Layer& layer = layout.layers[i];
    const bool same = !runs.empty() && runs.back().state.r_elems == layer.r_elems &&
                      runs.back().state.s_elems == layer.s_elems;
    if (same) {
      runs.back().last = i;
    } else {
      runs.push_back({.first = i, .last = i, .state = layer});
    }
  }
  return runs;
}

Json describe_model(const Model& model) {
  const ModelInfo& info = model.info();
  Json layers = Json::array();
  std::uint64_t n_r_bytes = 0, n_s_bytes = 0, n_log_bytes = 0;
  for (const LayerRun& run : layer_runs(model.state_layout())) {
    const std::uint64_t n_layers = run.last - run.first + 1;
    n_r_bytes += n_layers * run.state.r_elems * kF32Bytes;
    n_s_bytes += n_layers * run.state.s_elems * kF32Bytes;
    n_log_bytes += n_layers * (run.state.r_log_elems + run.state.s_log_elems) * kF32Bytes;
    layers.push_back({{"first", run.first},
                      {"last", run.last},
                      {"r_elements", run.state.r_elems},
                      {"s_elements", run.state.s_elems}});
  }
  return {{"n_layer", info.n_layer},
          {"n_embd", info.n_embd},
          {"n_vocab", info.n_vocab},
          {"n_parameters", info.n_parameters},
          {"layers", layers},
          {"r_bytes_per_sequence_f32", n_r_bytes},
          {"s_bytes_per_sequence_f32", n_s_bytes},
          {"log_bytes_per_token", n_log_bytes}};
}

Json describe_file(const GgufFile& file) {
  Json types = Json::object();
  for (const auto& [name, count] : count_types(file)) {
    types[name] = {
        {"tensors", count.n_tensors}, {"elements", count.n_elements}, {"bytes", count.n_bytes}};
  }
  Json metadata = Json::object();
  for (const GgufEntry& entry : file.entries()) {
    metadata[json_text(entry.key).get<std::string>()] = json_value(entry.value);
  }
  return {{"file", json_text(file.name())},
          {"gguf_version", file.version()},
          {"tensor_types", types},
          {"metadata", metadata}};
}

// One line for a value; long texts are cut.
std::string line_of(const Json& value) {
  if (value.is_object()) {
    const std::uint64_t size = value["size"];
    std::string first = value["first"].dump();
    if (size > kListed) first.insert(first.size() - 1, ", ...");
    return fmt::format("{} {}: {}", size, value["type"].get<std::string>(), first);
  }
  std::string text = value.dump();
  if (text.size() <= kTextBytes) return text;
  std::size_t n = kTextBytes;
  while ((static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;  // not inside a code point
  return text.substr(0, n) + "...";
}

void print_model(const Json& model) {
  fmt::print("layers      {}\nn_embd      {}\nn_vocab     {}\nparameters  {}\n",
             model["n_layer"].get<std::int64_t>(), model["n_embd"].get<std::int64_t>(),
             model["n_vocab"].get<std::int64_t>(), model["n_parameters"].get<std::uint64_t>());
  const std::uint64_t r = model["r_bytes_per_sequence_f32"], s = model["s_bytes_per_sequence_f32"];
  fmt::print("\nstate of one sequence, F32\n  R           {} bytes\n  S           {} bytes\n", r,
             s);
  const std::uint64_t log = model["log_bytes_per_token"];
  if (log > 0) {
    fmt::print("  update log  {} bytes for each token that can be taken back: 1/{:.1f} of R\n", log,
               static_cast<double>(r) / static_cast<double>(log));
  }
  for (const Json& run : model["layers"]) {
    fmt::print("  layers {:>2} .. {:<2}  R {} elements, S {} elements each\n",
               run["first"].get<int>(), run["last"].get<int>(),
               run["r_elements"].get<std::uint64_t>(), run["s_elements"].get<std::uint64_t>());
  }
}

void print_file(const Json& file) {
  fmt::print("\ntensors\n");
  for (const auto& [name, count] : file["tensor_types"].items()) {
    fmt::print("  {:<8}    {} tensors, {} elements, {} bytes\n", name,
               count["tensors"].get<std::uint64_t>(), count["elements"].get<std::uint64_t>(),
               count["bytes"].get<std::uint64_t>());
  }
  fmt::print("\nmetadata\n");
  for (const auto& [key, value] : file["metadata"].items()) {
    fmt::print("  {} = {}\n", printable(key), line_of(value));
  }
}

Result<ExitCode> run_inspect(const InspectArguments& options) {
  EDDY_TRY_ASSIGN(const GgufFile file, GgufFile::open(posix_file_system(), options.path));
  EDDY_TRY_ASSIGN(const std::unique_ptr<Ops> ops, make_cpu_ops({.n_threads = 1}));
  Json all = describe_file(file);
  // A file that eddy cannot compute is worth looking at too.
  const auto model = load_model(file, *ops);
  if (model) {
    all["model"] = describe_model(**model);
  } else {
    all["cannot_run"] = json_text(model.error().message);
  }
  if (options.json) {
    fmt::print("{}\n", all.dump(1));
    return ExitCode::kOk;
  }
  fmt::print("file        {} (GGUF version {})\n", printable(file.name()), file.version());
  if (model) {
    print_model(all["model"]);
  } else {
    fmt::print("cannot run  {}\n", all["cannot_run"].get<std::string>());
  }
  print_file(all);
  return ExitCode::kOk;
}

}  // namespace

Command add_inspect(CLI::App& program) {
  CLI::App* app = program.add_subcommand("inspect", "Show what a model file holds");
  const auto options = std::make_shared<InspectArguments>();
  app->add_option("MODEL", options->path, "GGUF file; of a split model its first part")
      ->required()
      ->type_name("");
  app->add_flag("--json", options->json, "print JSON");
  app->footer(
      "R is the recurrent state, S the short-convolution state.\n\n"
      "Example:\n  eddy inspect model.gguf");
  return {.app = app, .run = [options] { return run_inspect(*options); }};
}

}  // namespace eddy
